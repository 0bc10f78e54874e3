package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"sync/atomic"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/fault"
)

// errEarly is a reply that came while the message was still being written.
var errEarly = errors.New("the server answered before the end of the message")

// ticketTime is the wait for bytes that have arrived already to be decrypted.
const ticketTime = 20 * time.Millisecond

func outOfTurn(r campaign.Reply) error {
	return fmt.Errorf("the server answered %d, which has no meaning here", r.Code)
}

// link is one TCP connection to the server, greeted and logged in. The dialogue
// writes to the buffers of go-mail's textproto.Conn and never uses its Cmd or
// DotWriter: those would end an open message with a dot before the next command.
type link struct {
	base       net.Conn // the TCP connection, below any TLS
	text       *textproto.Conn
	encrypted  bool
	pipelining bool
	eightBit   bool // 8BITMIME
	utf8       bool
	size       bool // SIZE may be said with MAIL
	maxSize    int  // what SIZE allows; 0: anything, or not said
	timeouts   Timeouts

	buf      []byte    // a message as DATA carries it
	commands []byte    // those of the next transaction
	behind   []byte    // a dot and what goes with it
	sent     int       // transactions begun
	idleFrom time.Time // by the pool's clock, while in the pool
	rset     bool      // RSET is owed before the next MAIL
	last     bool      // the server said 421: no further transaction
	dead     atomic.Bool
}

// cut closes the TCP connection at once, with nothing said: what the kernel
// still holds of a message is thrown away, so that no dot can follow later.
func (l *link) cut() {
	if l.dead.Swap(true) {
		return
	}
	if tcp, ok := l.base.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = l.base.Close()
}

// quit parts politely, without waiting for the answer. Only for a link that is
// between messages.
func (l *link) quit() {
	if l.dead.Swap(true) {
		return
	}
	_ = l.base.SetDeadline(time.Now().Add(time.Second))
	_, _ = l.text.W.WriteString("QUIT\r\n")
	_ = l.text.W.Flush()
	_ = l.base.Close()
}

// allow gives the next writes and reads d, or what the context leaves of it. It
// is the wall's time, whatever clock the pool has: sockets know no other.
func (l *link) allow(ctx context.Context, d time.Duration) {
	till := time.Now().Add(d)
	if limit, ok := ctx.Deadline(); ok && limit.Before(till) {
		till = limit
	}
	_ = l.base.SetDeadline(till)
}

// read reads a reply. The text of one that refuses nothing is kept where it is
// wanted.
func (l *link) read(wanted bool) (campaign.Reply, error) {
	r, err := readReply(l.text.R, wanted)
	if err != nil {
		return campaign.Reply{}, err
	}
	l.last = l.last || r.Code == 421 || r.SessionLimit()
	return r, nil
}

func (l *link) write(b []byte) error {
	if _, err := l.text.W.Write(b); err != nil {
		return err
	}
	return l.text.W.Flush()
}

// lost cuts the link and says so at a stage.
func (l *link) lost(ctx context.Context, stage campaign.Stage, err error) *campaign.SendError {
	l.cut()
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return &campaign.SendError{Stage: stage, Err: err}
}

// stale tells whether a link that was used before cannot be used again.
func (l *link) stale() bool {
	if l.dead.Load() || l.last {
		return true
	}
	closed, spoke := l.look()
	return closed || spoke
}

// look tells, without waiting, whether the server has closed the connection or
// said something unasked: a farewell, or an early reply.
func (l *link) look() (closed, spoke bool) {
	if l.text.R.Buffered() > 0 {
		return false, true
	}
	_ = l.base.SetReadDeadline(time.Time{}) // an old deadline would look like an end
	closed, pending := probe(l.base)
	if closed || !pending || !l.encrypted {
		return closed, pending
	}
	// Under TLS it may be a session ticket, which is read and is nothing, or the
	// alert that closes.
	_ = l.base.SetReadDeadline(time.Now().Add(ticketTime))
	_, err := l.text.R.Peek(1)
	return err != nil && !timedOut(err), err == nil
}

// reset pays an owed RSET and tells whether the server took it.
func (l *link) reset(ctx context.Context) bool {
	if !l.rset {
		return true
	}
	l.rset = false
	l.allow(ctx, l.timeouts.Command)
	if l.write([]byte("RSET\r\n")) != nil {
		return false
	}
	r, err := l.read(false)
	return err == nil && r.Code/100 == 2
}

// open asks for a transaction and writes the message without its final dot.
// asked says that the commands are on the wire already, behind another's dot.
func (l *link) open(ctx context.Context, t transaction, asked bool) *campaign.SendError {
	l.allow(ctx, l.timeouts.Command)
	group := l.pipelining || asked
	if group && !asked {
		if err := l.write(t.group); err != nil {
			return l.lost(ctx, campaign.StageMail, err)
		}
	}
	l.sent++
	var refused *campaign.SendError
	for i, stage := range opening() {
		if !group {
			if err := l.write(t.lines[i]); err != nil {
				return l.lost(ctx, stage, err)
			}
		}
		r, err := l.read(false)
		switch {
		case err != nil && refused != nil:
			l.cut()
			return refused
		case err != nil:
			return l.lost(ctx, stage, err)
		case r.Code == 354 && stage == campaign.StageData && refused != nil:
			// DATA was taken although there is nobody to get it.
			l.cut()
			return refused
		case r.Code == 354 && stage == campaign.StageData, r.Code/100 == 2 && stage != campaign.StageData:
			continue
		case r.Code < 400:
			return l.lost(ctx, stage, outOfTurn(r))
		case refused == nil:
			refused = &campaign.SendError{Stage: stage, Reply: r}
			l.rset = true
		}
		if l.last || !group {
			break
		}
	}
	if refused != nil {
		return refused
	}
	fault.Point("worker.after_rcpt")
	return l.body(ctx, t.body)
}

func (l *link) body(ctx context.Context, body []byte) *campaign.SendError {
	l.buf = appendBody(l.buf[:0], body)
	l.allow(ctx, l.timeouts.Command)
	rest := l.buf
	if fault.Armed() {
		rest = l.half(rest)
	}
	_, err := l.text.W.Write(rest)
	if err == nil {
		err = l.text.W.Flush()
	}
	if err != nil {
		return l.lost(ctx, campaign.StageData, err)
	}
	return nil
}

// half sends the first half of a body by itself, for faults to strike behind it,
// and returns the other. A write that fails fails again with the rest.
func (l *link) half(body []byte) []byte {
	n := len(body) / 2
	_, _ = l.text.W.Write(body[:n])
	_ = l.text.W.Flush()
	fault.Point("worker.mid_body")
	return body[n:]
}

// ripe makes sure, before the dot, that the server is still waiting for it: a
// connection known to be lost now is a safe retry, after the dot it is not.
func (l *link) ripe(ctx context.Context) *campaign.SendError {
	if err := ctx.Err(); err != nil {
		return l.lost(ctx, campaign.StageData, err)
	}
	if l.dead.Load() {
		return l.lost(ctx, campaign.StageData, net.ErrClosed)
	}
	closed, spoke := l.look()
	if closed {
		return l.lost(ctx, campaign.StageData, errors.New("the server closed the connection before the end of the message"))
	}
	if !spoke {
		return nil
	}
	l.allow(ctx, l.timeouts.Command)
	r, err := l.read(true)
	l.cut()
	if err == nil && r.Code >= 400 {
		return &campaign.SendError{Stage: campaign.StageData, Reply: r}
	}
	return &campaign.SendError{Stage: campaign.StageData, Err: errEarly}
}

// finish writes the dot, and behind it whatever follows, and reads the reply to
// the dot. The body always ends with CRLF, so that the dot stands alone.
func (l *link) finish(ctx context.Context, behind []byte) (campaign.Reply, error) {
	if err := l.ripe(ctx); err != nil {
		return campaign.Reply{}, err
	}
	l.allow(ctx, l.timeouts.Reply)
	l.behind = append(append(l.behind[:0], ".\r\n"...), behind...)
	if err := l.write(l.behind); err != nil {
		return campaign.Reply{}, l.lost(ctx, campaign.StageDot, err)
	}
	fault.Point("worker.after_dot")
	r, err := l.read(true)
	fault.Point("worker.after_reply")
	if err != nil {
		return campaign.Reply{}, l.lost(ctx, campaign.StageDot, err)
	}
	if len(behind) > 0 && l.last {
		l.cut()
	}
	switch {
	case r.Code < 200 || r.Code >= 300 && r.Code < 400:
		return campaign.Reply{}, l.lost(ctx, campaign.StageDot, outOfTurn(r))
	case r.Code >= 400:
		return r, &campaign.SendError{Stage: campaign.StageDot, Reply: r}
	}
	return r, nil
}
