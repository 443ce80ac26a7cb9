import { defineConfig } from "vite";

export default defineConfig({
  // Addresses are relative to the page: a reverse proxy may serve it under any path.
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
  },
});
