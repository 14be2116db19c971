/** One open bidirectional stream of frames, the same shape at both ends. */
import type { MeshError } from '../errors.ts';
import type { Caller } from './caller.ts';

export interface FrameStream<Out, In> {
  /** The other end as the socket knows it, host:port. */
  readonly remote: string;
  /** Who it is, as its certificate proves; undefined at a dialling end that is not connected yet. */
  readonly caller: Caller | undefined;
  /**
   * Never throws and never waits. `full`: what is already queued exceeds the stream's limit and the frame was not
   * taken; `closed`: the stream has ended.
   */
  send(frame: Out): 'accepted' | 'full' | 'closed';
  /** Before this call hardly anything is read, so that the other end feels the pressure. One listener; a second replaces it. */
  onFrame(listener: (frame: In) => void): void;
  /**
   * Called once, when the stream is over, also when it ended before this call: with the fault that ended it, given here
   * or told by the other side, or `undefined` after a good end. After a `close` of one's own, when what was queued has
   * gone out. Never from inside a call to this stream.
   */
  onClosed(listener: (fault: MeshError | undefined) => void): void;
  /** Ends the stream; idempotent. A fault is told to the other side as a status. */
  close(fault?: MeshError): void;
}
