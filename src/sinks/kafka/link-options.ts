/** The configuration of connections to brokers, as kafkajs-bridge.ts wants it. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { KafkaConfig } from '../../config/config.ts';
import type { LinkOptions } from './kafkajs-bridge.ts';

/** The files of certificates are read anew for every connection. Throws when one cannot be read. */
export function linkOptionsOf(options: KafkaConfig): Omit<LinkOptions, 'connectTimeoutMs'> {
  const { saslMechanism, saslUsername, saslPassword } = options;
  return {
    clientId: options.clientId,
    requestTimeoutMs: options.requestTimeoutMs,
    sasl:
      saslMechanism === 'none'
        ? undefined
        : { mechanism: saslMechanism, username: saslUsername, password: saslPassword },
    tls: options.tls ? tlsOptionsOf(options) : undefined,
  };
}

function tlsOptionsOf({ tlsCaFile, tlsCertFile, tlsKeyFile }: KafkaConfig): ConnectionOptions {
  return {
    ...(tlsCaFile !== '' && { ca: readFileSync(tlsCaFile) }),
    ...(tlsCertFile !== '' && { cert: readFileSync(tlsCertFile) }),
    ...(tlsKeyFile !== '' && { key: readFileSync(tlsKeyFile) }),
  };
}
