"""The shapes of the answers, by subject: written once, here.

shape ──▶ the type of what a route builds          mypy holds every member; nothing is converted on the way out
└─────▶ OpenAPI document ──▶ web/src/types.ts    written by `scripts/page-types`, held by `scripts/check`
"""
