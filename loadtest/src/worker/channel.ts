/** A way between the coordinator and one worker: messages arrive whole and in order. */
export interface Channel<Out, In> {
  readonly send: (message: Out) => void
  readonly onMessage: (take: (message: In) => void) => void
  readonly onClose: (tell: (reason: string) => void) => void
  readonly close: () => void
}
