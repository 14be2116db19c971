/** What is said about one key of the configuration. */
import type { z } from 'zod';

export interface KeySpec {
  /** Stands for the value in help. */
  readonly placeholder: string;
  readonly summary: string;
  /** As a person would type it; in words where it depends on the machine. */
  readonly default: string;
  readonly expected: string;
  readonly schema: z.ZodType;
  readonly choices?: readonly string[];
  /** It has no flag, for everyone on the machine can read command lines; and no error shows it. */
  readonly isSecret?: true;
}

export const SWITCH = ['on', 'off'] as const;
export type Switch = (typeof SWITCH)[number];
