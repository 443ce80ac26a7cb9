// Every signal of a device with its value of this moment.

import { deviceName, signalName, signalOf, wholeName } from "../catalogue";
import { RouterLink } from "../router_link";
import { viewPatch } from "../router";
import { say } from "../i18n";
import type { Member } from "./member";
import { Live } from "./device_cells";

export function SignalTable({ members }: { members: Member[] }) {
  return (
    <>
      {members.slice(0, 4).map((member) => (
        <section key={member.device.device} class="card side rows-2" aria-label={deviceName(member.device)}>
          <h2 title={wholeName(member.device)}>{deviceName(member.device)}</h2>
          <dl class="pairs">
            {member.device.signals
              .filter((signal) => member.live?.values[signal] !== undefined && signalOf(member.device.device_class, signal)?.kind !== "state")
              .slice(0, 14)
              .map((signal) => (
                <div key={signal}>
                  <dt>
                    <RouterLink to={viewPatch("time", { plot: `${member.device.gateway}/${member.device.device}/${signal}` })}>{signalName(signal)}</RouterLink>
                  </dt>
                  <dd>
                    <Live member={member} signal={signal} />
                  </dd>
                </div>
              ))}
          </dl>
          {Object.keys(member.live?.values ?? {}).length === 0 && <p class="empty">{say("why.missing")}</p>}
        </section>
      ))}
    </>
  );
}
