/** A system with its page open in another process, read to the end over HTTP. */
import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const dist = pathToFileURL('dist/')
const load = path => import(new URL(path, dist).href)
const { createInspection } = await load('src/inspect/inspection.js')
const { inspectApp } = await load('src/inspect/routes.js')

/** Starts the process that looks. `look` opens a page there. */
export function startViewer() {
  const child = fork(new URL('viewer.mjs', import.meta.url))
  const waiting = new Map()
  child.on('message', told => waiting.get(told.url)?.(told))

  /** `clock`: of the system. Ready when the page has what was there when it came. */
  const look = (name, actor, clock) => {
    const inspection = createInspection({ clock, instance: name, title: name, roots: [{ name: 'root', actor }] })
    const { app, stop } = inspectApp({ mode: 'live', clock, inspection, maySend: () => 'unset' }, () => new Map())
    const server = serve({ fetch: new Hono().route('/machines', app).fetch, port: 0, hostname: '127.0.0.1' })
    const opened = new Promise(resolve => server.once('listening', resolve)).then(
      () => `http://127.0.0.1:${server.address().port}/machines/feed?as=brief`,
    )
    const read = async until => {
      const url = await opened
      return new Promise(resolve => {
        waiting.set(url, resolve)
        child.send({ url, until })
      })
    }
    return {
      ready: read(0),
      inspection,
      /** Waits until the page has everything; says what it has read, and how often it was spared what it could not take. */
      caughtUp: () => read(inspection.timeline.last),
      close: async () => {
        if (inspection.faults.count > 0) throw new Error(inspection.faults.last)
        child.send({ url: await opened, isOver: true })
        stop()
        server.close()
      },
    }
  }
  return { look, stop: () => child.kill() }
}
