/** What of a device is looked at first, where it has it. */
export const FIRST_SIGNAL = ["active_power_kw", "irradiance_plane_w_m2", "irradiance_horizontal_w_m2"];
