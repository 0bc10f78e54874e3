//go:build !unix

package mail

import "net"

// probe cannot look ahead on this system; a connection that the peer has closed
// shows at the next read.
func probe(net.Conn) (closed, pending bool) { return false, false }
