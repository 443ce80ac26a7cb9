// What was refused in the last day, by reason, and each entry with where it stood.

import { Answered, type Query } from "../use_query";
import { moment, whole } from "../format";
import { go, param } from "../router";
import type { Quarantine } from "../types";
import { say, sayMaybe } from "../i18n";

export function QuarantinePanel({ asked }: { asked: Query<Quarantine> }) {
  return (
    <section class="card full" aria-labelledby="quarantine-title">
      <div class="card-head">
        <h2 id="quarantine-title">{say("quarantine.title")}</h2>
        <span class="faint">{say("quarantine.span")}</span>
      </div>
      <Answered of={asked} height={120} empty={(found) => (found.total ? null : say("quarantine.none"))}>
        {(found) => <Entries found={found} />}
      </Answered>
    </section>
  );
}

function Entries({ found }: { found: Quarantine }) {
  const wanted = param("reason");
  const entries = found.entries.filter((entry) => wanted === null || entry.reason === wanted);
  return (
    <>
      <div class="chips">
        {Object.entries(found.reasons).map(([reason, count]) => (
          <button key={reason} type="button" class="chip" aria-pressed={wanted === reason} onClick={() => go({ reason: wanted === reason ? null : reason }, "replace")}>
            {sayMaybe(`reason.${reason}`, reason)} <b>{whole(count)}</b>
          </button>
        ))}
      </div>
      <div class="scroll tall" tabIndex={0} role="region" aria-labelledby="quarantine-title">
        <table>
          <thead>
            <tr>
              <th>{say("quarantine.at")}</th>
              <th>{say("quarantine.reason")}</th>
              <th>{say("gateways.name")}</th>
              <th>{say("device")}</th>
              <th>{say("quarantine.place")}</th>
              <th>{say("quarantine.content")}</th>
            </tr>
          </thead>
          <tbody>
            {entries.slice(0, 100).map((entry, index) => (
              <tr key={index}>
                <td>{moment(entry.received_ms, "Asia/Shanghai", true)}</td>
                <td>{sayMaybe(`reason.${entry.reason}`, entry.reason)}</td>
                <td>{entry.gateway ?? "—"}</td>
                <td>{entry.device ?? "—"}</td>
                <td class="code">{entry.location ?? "—"}</td>
                <td class="code cut" title={entry.content ?? ""}>
                  {entry.content ?? "—"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
