/** What texts of the configuration must look like, where a pattern alone does not say it. */
import { isIP } from 'node:net';

/** What Kafka takes as a topic, once `{app_id}` and `{event_type}` are filled in. */
export function isTopicName(value: string): boolean {
  const bare = value.replaceAll(/\{(app_id|event_type)\}/g, 'x');
  return /^[a-zA-Z0-9._-]{1,249}$/.test(bare) && bare !== '.' && bare !== '..';
}

/** `host:port`, a host of IPv6 in brackets. */
export function isAddress(value: string): boolean {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(value) ?? [];
  return host !== '' && Number(port) >= 1 && Number(port) <= 65_535;
}

/** A network in CIDR. */
export function isNetwork(value: string): boolean {
  const [address = '', prefix = '', ...rest] = value.split('/');
  const family = isIP(address);
  return (
    rest.length === 0 &&
    family !== 0 &&
    /^\d{1,3}$/.test(prefix) &&
    Number(prefix) <= (family === 4 ? 32 : 128)
  );
}
