// Which signals are drawn: those chosen can be taken away, a device and one of its signals can be added.

import { useState } from "preact/hooks";
import { deviceName, signalName, wholeName } from "../catalogue";
import { go } from "../router";
import type { Device } from "../types";
import { plotText, type Plot } from "./plot";
import { say, sayMaybe } from "../i18n";

export function SignalChoice({ devices, plots, most }: { devices: Device[]; plots: Plot[]; most: number }) {
  const [wanted, setWanted] = useState("");
  const device = devices.find((known) => `${known.gateway}/${known.device}` === wanted) ?? plots[0]?.device ?? devices[0];
  const show = (next: Plot[]): void => go({ plot: plotText(next) || null });
  const classes = [...new Set(devices.map((known) => known.device_class))];
  return (
    <div class="chips">
      {plots.map((plot) => (
        <button key={plotText([plot])} type="button" class="chip" title={wholeName(plot.device)} aria-label={say("time.remove", { signal: `${deviceName(plot.device)} ${signalName(plot.signal)}` })} onClick={() => show(plots.filter((other) => other !== plot))}>
          {deviceName(plot.device)} · {signalName(plot.signal)} <span aria-hidden="true">×</span>
        </button>
      ))}
      {plots.length < most && device && (
        <>
          <select aria-label={say("time.device")} value={`${device.gateway}/${device.device}`} onChange={(event) => setWanted(event.currentTarget.value)}>
            {classes.map((kind) => (
              <optgroup key={kind} label={sayMaybe(`class.${kind}`, kind)}>
                {devices
                  .filter((known) => known.device_class === kind)
                  .map((known) => (
                    <option key={`${known.gateway}/${known.device}`} value={`${known.gateway}/${known.device}`} title={wholeName(known)}>
                      {deviceName(known)}
                    </option>
                  ))}
              </optgroup>
            ))}
          </select>
          <select
            aria-label={say("time.signal")}
            value=""
            onChange={(event) => {
              const signal = event.currentTarget.value;
              if (signal && !plots.some((plot) => plot.device === device && plot.signal === signal)) show([...plots, { device, signal }]);
            }}
          >
            <option value="">{say("time.add")}</option>
            {device.signals.map((signal) => (
              <option key={signal} value={signal}>
                {signalName(signal)}
              </option>
            ))}
          </select>
        </>
      )}
    </div>
  );
}
