/** A page in a process of its own: opens the feeds it is told to, reads all that comes, and says when it has come to a number. */
import { get } from 'node:http'

/** By address. */
const views = new Map()

const answer = view => {
  if (view.until === undefined || view.number < view.until) return
  process.send({ url: view.url, number: view.number, bytes: view.bytes, lost: view.lost })
  view.until = undefined
}

function open(url) {
  const view = { url, number: -1, bytes: 0, lost: 0, until: undefined, request: undefined }
  let rest = ''
  view.request = get(url, { agent: false }, response => {
    response.setEncoding('utf8').on('data', text => {
      view.bytes += text.length
      const messages = (rest + text).split('\n\n')
      rest = messages.pop()
      for (const message of messages) {
        const number = /^id: \d+-(\d+)$/m.exec(message)?.[1]
        if (number !== undefined) view.number = Number(number)
        if (message.includes('{"kind":"lost"')) view.lost += 1
      }
      answer(view)
    })
  })
  view.request.on('error', () => {})
  return view
}

process.on('message', ({ url, until, isOver }) => {
  const view = views.get(url) ?? open(url)
  views.set(url, view)
  view.until = until
  answer(view)
  if (isOver) {
    view.request.destroy()
    views.delete(url)
  }
})
