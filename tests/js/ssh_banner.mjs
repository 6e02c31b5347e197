// The published SSH port of a container: a banner while it runs, silence while it is paused (the engine's proxy still
// accepts), a reset while nothing is behind it.
import { once } from 'node:events';
import net from 'node:net';

/** `state` tells what the container is doing: 'running', 'paused', or anything else. Port 0 takes a free one. */
export async function startSshBanner(host, port, state) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // the prober may reset
    if (state() === 'running') socket.write('SSH-2.0-standin\r\n');
    else if (state() !== 'paused') socket.resetAndDestroy();
    socket.resume();
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: server.address().port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
