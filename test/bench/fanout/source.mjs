/**
 * The updates that every server under test sends: open-loop, each stamped with the time it was due, so that a server that falls behind shows
 * it as latency. Twenty pairs in turn.
 */
export const pairCount = 20
export const names = Array.from({ length: pairCount }, (_, index) => `PAIR${String(index).padStart(2, '0')}`)

const nowMicros = () => (performance.timeOrigin + performance.now()) * 1000

/** Calls `update(pair index, sequence, fields)` when due and `turn()` after each go. Returns what starts it: updates a second, times `factor` every `step` seconds. */
export function createSource(update, turn = () => {}) {
  const counts = new Array(pairCount).fill(0)
  let [due, began, sequence, rate, factor, step] = [0, 0, 0, 0, 1, 2]
  const tick = () => {
    const now = nowMicros()
    let isAny = false
    while (due <= now) {
      const pair = sequence % pairCount
      sequence += 1
      counts[pair] += 1
      update(pair, sequence, fieldsOf(pair, sequence, counts[pair], Math.floor(due)))
      isAny = true
      due += 1e6 / (rate * factor ** Math.floor((due - began) / 1e6 / step))
    }
    if (isAny) turn()
    setTimeout(tick, Math.max(1, Math.floor((due - nowMicros()) / 1000)))
  }
  return wanted => {
    ;({ rate, factor = 1, step = 2 } = wanted)
    began = nowMicros()
    due = began
    tick()
  }
}

/** As JSON without the opening brace. */
const fieldsOf = (pair, sequence, count, due) =>
  `"s":"${names[pair]}","p":"${(61234.56 + (sequence % 1000) / 100).toFixed(2)}","q":"0.0421","b":"61234.55","a":"61234.57","ts":${due},"tradeId":${count}}`

/** The text of one event, as the peers send it. */
export const eventText = (sequence, fields) => `id: ${sequence}\ndata: {${fields}\n\n`
