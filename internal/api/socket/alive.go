package socket

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

// keepAlive pings until the work ends, and ends the connection of a client that does not answer, or has said nothing for too long.
//
// While the reader waits for the worker it sees no pongs. Such a client is not to blame, and is kept.
func (c *Conn) keepAlive() {
	o := c.options
	tick := time.NewTicker(o.PingInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		if silent := time.Since(time.Unix(0, c.spoken.Load())); o.IdleTimeout > 0 && silent > o.IdleTimeout && !c.Behind() && !c.paused.Load() {
			c.stop(&Closing{websocket.StatusPolicyViolation, "no message for " + o.IdleTimeout.String()})
			return
		}
		if !c.ping() {
			c.log.Info("websocket client does not answer pings", "timeout", o.PongTimeout.String())
			c.stop(errGone)
			_ = c.ws.CloseNow() // it would not answer a goodbye either
			return
		}
	}
}

// ping asks the client for a sign of life, and tells whether there was one.
func (c *Conn) ping() bool {
	sent := time.Now().UnixNano()
	ctx, cancel := context.WithTimeout(c.ctx, c.options.PongTimeout)
	defer cancel()
	err := c.ws.Ping(ctx)
	return err == nil || c.ctx.Err() != nil || c.paused.Load() || c.heard.Load() > sent
}
