// The weather that the sun's yield is judged by.

import { scaledTo } from "../format";
import { say } from "../i18n";
import type { Member } from "./member";
import { ClassChart } from "./class_chart";
import { sentenceOf, usable } from "./device_cells";
import { SignalTable } from "./signal_table";

export function WeatherPanel({ members }: { members: Member[] }) {
  const first = members[0];
  if (!first) return <p class="empty">{say("devices.empty")}</p>;
  const told = (signal: string, unit: string): string => {
    const value = usable(first, signal);
    return value === null ? "—" : scaledTo(value, unit).join("\u202f");
  };
  // Many stations have no sensor on the plane of the panels: the horizontal one is named as such.
  const plane = first.device.signals.includes("irradiance_plane_w_m2");
  const sun = plane ? "irradiance_plane_w_m2" : "irradiance_horizontal_w_m2";
  return (
    <>
      <p class="answer">{sentenceOf(plane ? "weather.answer" : "weather.answer.horizontal", [first], { sun: told(sun, "W/m²"), air: told("temperature_c", "°C") })}</p>
      <div class="board">
        <ClassChart title={say(`signal.${sun}`)} unit="W/m²" wishes={members.map(({ device }) => ({ device, signal: sun, area: members.length === 1 }))} />
        <SignalTable members={members} />
        <ClassChart
          title={say("weather.temperatures")}
          unit="°C"
          wishes={[
            { device: first.device, signal: "temperature_c", ink: "load", name: say("weather.air") },
            ...(first.device.signals.includes("module_temperature_c") ? [{ device: first.device, signal: "module_temperature_c", ink: "alarm", name: say("signal.module_temperature_c") }] : []),
          ]}
        />
      </div>
    </>
  );
}
