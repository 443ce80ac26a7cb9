// Files of the pilot: fetched, since a link cannot carry the token, and saved; a refusal is said beside the button.

import { useState } from "preact/hooks";
import { file, Refused } from "../api_client";
import { language, say } from "../i18n";

interface Wanted {
  path: string;
  name: string;
  label: string;
}

function Download({ path, name, label }: Wanted) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const take = async (): Promise<void> => {
    setBusy(true);
    setTrouble("");
    try {
      const { save } = await import("../export");
      save(name, await file(path));
    } catch (error) {
      setTrouble(error instanceof Refused ? [error.problem.title, error.problem.problems[0]?.remedy].filter(Boolean).join(" ") : say("vpp.download.failed"));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" disabled={busy} aria-label={`${label} ${name}`} onClick={() => void take()}>
        {label}
      </button>
      {trouble && <span role="alert">{trouble}</span>}
    </>
  );
}

/** A statement as PDF and workbook; of the one that stands, the bundle too. */
export function StatementFiles({ statement, bundle }: { statement: string; bundle: { event: string; operator: string } | null }) {
  const base = `/vpp/statements/${encodeURIComponent(statement)}`;
  const query = `?lang=${language.value}`;
  return (
    <span class="buttons" role="group" aria-label={`${say("vpp.download")} ${statement}`}>
      <Download path={`${base}/pdf${query}`} name={`${statement}.pdf`} label="PDF" />
      <Download path={`${base}/xlsx${query}`} name={`${statement}.xlsx`} label="XLSX" />
      {bundle && (
        <Download
          path={`/vpp/events/${encodeURIComponent(bundle.event)}/bundles/${encodeURIComponent(bundle.operator)}`}
          name={`${bundle.event}-${bundle.operator}.bundle`}
          label={say("vpp.download.bundle")}
        />
      )}
    </span>
  );
}
