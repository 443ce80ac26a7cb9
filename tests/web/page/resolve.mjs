// The page's bundler needs no endings of files, node does.

import { registerHooks } from "node:module";

registerHooks({
  resolve: (name, context, next) => next(/^[.].*[/][a-z_]+$/.test(name) ? `${name}.ts` : name, context),
});
