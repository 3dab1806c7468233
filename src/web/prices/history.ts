/** The course of one price since the page was opened, in at most so many points however long that is. */
export interface History {
  /** `at` in milliseconds, not going back. */
  add(at: number, value: number): void
  readonly points: readonly number[]
}

/** Each point stands for one span of time. When all are used, each two become one and the span doubles: the whole session stays in view. */
export function createHistory(pointsMax = 120, firstSpanMs = 250): History {
  let points: number[] = []
  let spanMs = firstSpanMs
  let spanEndsAt = Number.NEGATIVE_INFINITY

  const halve = (): void => {
    points = points.filter((_, index) => index === 0 || index % 2 === 1)
    spanMs *= 2
  }

  return {
    add: (at, value) => {
      // The first value stays: it is what the session is measured against.
      if (at < spanEndsAt && points.length > 1) {
        points[points.length - 1] = value
        return
      }
      if (points.length === pointsMax) halve()
      points.push(value)
      spanEndsAt = at + spanMs
    },
    get points() {
      return points
    },
  }
}
