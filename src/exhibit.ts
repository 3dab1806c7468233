import { readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { basename } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { mistakeOf, recordingMax } from './inspect/recording.ts'
import { inspectApp } from './inspect/routes.ts'
import { machinesPage } from './page.ts'

/** A recording behind glass: the visualizer's page over a file. */

/** Throws an error whose message is a sentence for the user where the file is no recording. */
export function exhibit(file: string): Server {
  const { size } = statSync(file)
  if (size > recordingMax) throw refusal(`${file} has ${Math.ceil(size / 1_000_000)} MB; a recording may have ${recordingMax / 1_000_000}.`)
  const recording = readFileSync(file)
  const mistake = mistakeOf(recording.toString())
  if (mistake !== undefined) throw refusal(`${file} is no recording. ${mistake}`)
  const { app } = inspectApp({ mode: 'recording', recording, title: basename(file) }, machinesPage)
  const whole = new Hono()
  whole.route('/machines', app)
  whole.get('/', c => c.redirect('machines'))
  return createServer(getRequestListener(whole.fetch))
}

const refusal = (message: string): Error => Object.assign(new Error(message), { code: 'ENORECORDING' })
