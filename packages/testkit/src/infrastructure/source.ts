/** Where the servers of a test come from. */
export type Source = 'compose' | 'local'

/** What the choice goes by. */
export interface SourceQuestion {
  /** STARLING_TEST_INFRASTRUCTURE, if set. */
  readonly asked: string | undefined
  /** Containers of docker-compose.yml are enough: one broker, default settings, gone with this process. */
  readonly isPlain: boolean
  readonly composeAnswers: () => Promise<boolean>
}

/** The choice, and whether the other way may be tried when it fails. */
export interface SourceChoice {
  readonly source: Source
  readonly isForced: boolean
}

/**
 * Chooses: what is asked for; else containers if an engine answers; else servers of this machine.
 * Errors: throws when the variable holds something else.
 */
export async function chooseSource({ asked, isPlain, composeAnswers }: SourceQuestion): Promise<SourceChoice> {
  switch (asked) {
    case 'compose':
    case 'local':
      // docker-compose.yml has one broker: tests that need three, or other settings, start their own.
      return { source: isPlain ? asked : 'local', isForced: true }
    case '':
    case undefined:
      return { source: isPlain && (await composeAnswers()) ? 'compose' : 'local', isForced: false }
    default:
      throw new Error(`STARLING_TEST_INFRASTRUCTURE is compose or local; not '${asked}'`)
  }
}
