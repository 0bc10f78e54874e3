//go:build unix

package mail

import (
	"errors"
	"net"
	"syscall"
)

// probe looks, without waiting, at what the peer has done since the last read:
// whether it has closed the connection, or sent something unasked.
func probe(conn net.Conn) (closed, pending bool) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true, false
	}
	var one [1]byte
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		case err != nil || n == 0:
			closed = true
		default:
			pending = true
		}
		return true
	})
	return closed || err != nil, pending
}
