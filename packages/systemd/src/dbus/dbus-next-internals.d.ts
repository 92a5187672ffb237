// dbus-next's own types cover only its message bus, which cannot do without Hello, drops errors of its handshake on the
// floor and loads an XML parser. Its connection and message below that are what we use.
declare module 'dbus-next/lib/connection.js' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  interface Connection extends EventEmitter {
    readonly stream: Socket;
    message(message: unknown): void;
  }
  export default function createConnection(options: { readonly busAddress: string; readonly authMethods: string[] }): Connection;
}

declare module 'dbus-next/lib/message-type.js' {
  interface MessageFields {
    readonly type?: number;
    readonly serial?: number;
    readonly path?: string;
    readonly interface?: string;
    readonly member?: string;
    readonly destination?: string | undefined;
    readonly sender?: string;
    readonly errorName?: string;
    readonly replySerial?: number;
    readonly signature?: string;
    readonly body?: readonly unknown[];
    readonly flags?: number;
  }
  const module: { readonly Message: new (fields: MessageFields) => MessageFields & { body: readonly unknown[] } };
  export default module;
}

declare module 'dbus-next/lib/variant.js' {
  const module: { readonly Variant: new (signature: string, value: unknown) => { readonly signature: string; readonly value: unknown } };
  export default module;
}
