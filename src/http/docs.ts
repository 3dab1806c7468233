import { html } from 'hono/html'
import { description, type Operation, type Parameter, paths } from './openapi.ts'
import { events, schemas } from './schemas.ts'

/** The description of the API as a page: no script, nothing of any other host. Whatever is put in is escaped by `html`. */

type Markup = ReturnType<typeof html>
type Schema = Readonly<Record<string, unknown>>

const row = (name: string, kind: string, said: string): Markup =>
  html`<tr><th><code>${name}</code></th><td>${kind}</td><td>${said}</td></tr>`

/** What a value may be, in few words. */
function kindOf(schema: Schema): string {
  const { type, $ref, items, anyOf } = schema
  const words: unknown = schema.enum
  if (Array.isArray(words)) return words.join(' | ')
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1)
  if (Array.isArray(anyOf)) return anyOf.map(one => kindOf(one as Schema)).join(' or ')
  if (type === 'array') return `list of ${kindOf(items as Schema)}`
  return String(type)
}

function showParameter({ name, in: where, required, description: said, schema }: Parameter): Markup {
  return row(name, `${where}, ${kindOf(schema)}${required ? '' : ', may be absent'}`, said)
}

function showOperation(path: string, method: string, { summary, description: said, parameters = [], responses }: Operation): Markup {
  const answers = Object.entries(responses).map(([status, answer]) => {
    const content = Object.entries(answer.content ?? {}).map(
      ([type, { schema }]) => `${type}${'$ref' in schema ? `, ${kindOf(schema)}` : ''}`,
    )
    return row(status, content.join(' '), answer.description)
  })
  const tryIt = method === 'get' && !path.includes('{') && path !== '/v1/stream'
  return html`<section><h2><span>${method.toUpperCase()}</span> ${tryIt ? html`<a href="${path}">${path}</a>` : path}</h2>
<p><b>${summary}.</b> ${said ?? ''}</p>
${parameters.length === 0 ? '' : html`<table><caption>Parameters</caption>${parameters.map(showParameter)}</table>`}
<table><caption>Answers</caption>${answers}</table></section>`
}

function showSchema(name: string, schema: Schema): Markup {
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>)
  const required = (schema.required ?? []) as readonly string[]
  return html`<section id="${name}"><h3>${name}</h3><p>${schema.description}.</p><table>${properties.map(([field, one]) =>
    row(field, `${kindOf(one)}${required.includes(field) ? '' : ', may be absent'}`, String(one.description ?? '')),
  )}</table></section>`
}

export const docsPage = String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${description.info.title} API</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs.css"></head><body><main><h1>${description.info.title} API</h1>
<p>${description.info.description} For machines: <a href="/openapi.json">/openapi.json</a>.</p>
${Object.entries(paths).map(([path, methods]) => Object.entries(methods).map(([method, operation]) => showOperation(path, method, operation)))}
<h2>Events of a stream</h2>${Object.entries(events).map(([name, schema]) => showSchema(`event: ${name}`, schema))}
<h2>Shapes</h2>${Object.entries(schemas).map(([name, schema]) => showSchema(name, schema))}
</main></body></html>
`)

export const docsStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
section { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .5rem 0 1rem; }
h2 { font-size: 1.2rem; overflow-wrap: anywhere; } h2 span { font-size: .8rem; font-weight: normal; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; } caption { text-align: left; font-size: .85rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; font-weight: normal; overflow-wrap: anywhere; }
th { width: 12rem; } td:nth-child(2) { width: 18rem; font-size: .85rem; }
`
