export { serveFromDaemon } from './recorded-daemon.ts';
