// What is seen, as a file; the writers are loaded when somebody asks for one.

import { colour } from "../theme";
import type { Sheet } from "../export";
import { say } from "../i18n";

type Form = "csv" | "xlsx" | "png";

export function ExportButtons({ sheet, title }: { sheet: () => Sheet; title: string }) {
  const give = async (form: Form): Promise<void> => {
    const { csv, xlsx, png, save } = await import("../export");
    const shown = sheet();
    const stem = `parkgrid-${shown.name}-${shown.span}`;
    if (form === "csv") save(`${stem}.csv`, csv(shown));
    else if (form === "xlsx") save(`${stem}.xlsx`, xlsx(shown));
    else {
      const charts = [...document.querySelectorAll<HTMLElement>(".line-chart")];
      const canvases = charts.flatMap((chart) => chart.querySelector("canvas") ?? []);
      const captions = charts.map((chart) => [...chart.querySelectorAll("li")].slice(1).map((item) => item.textContent ?? "").join("    "));
      const head = [title, shown.head[1]?.[1]].filter(Boolean).join(" · ");
      save(`${stem}.png`, await png(head, canvases, captions, colour("card"), colour("ink")));
    }
  };
  return (
    <span class="buttons export" role="group" aria-label={say("export")}>
      {(["csv", "xlsx", "png"] as const).map((form) => (
        <button key={form} type="button" onClick={() => void give(form)}>
          {form.toUpperCase()}
        </button>
      ))}
    </span>
  );
}
