package store

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// slowDial makes connections over which every answer takes longer by d.
func slowDial(dial pgconn.DialFunc, d time.Duration) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &slowConn{Conn: conn, delay: d}, nil
	}
}

// slowConn waits once between what was asked and the first of the answer.
type slowConn struct {
	net.Conn
	delay time.Duration
	asked atomic.Bool
}

func (c *slowConn) Write(b []byte) (int, error) {
	c.asked.Store(true)
	return c.Conn.Write(b)
}

func (c *slowConn) Read(b []byte) (int, error) {
	if c.asked.Swap(false) {
		time.Sleep(c.delay)
	}
	return c.Conn.Read(b)
}
