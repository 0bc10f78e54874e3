package bench

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Sink is a mail server that takes everything, counts it by the ledger's id and
// keeps nothing. It holds its clients to the protocol, and answers the commands
// of a pipelined group in one write.
type Sink struct {
	mu     sync.Mutex
	counts map[int64]int
	taken  Taken
}

// Taken is what a Sink has accepted.
type Taken struct {
	Mails   int      `json:"mails"`   // with an id
	IDs     int      `json:"ids"`     // different ones
	Sum     int64    `json:"sum"`     // of the different ids
	Other   int      `json:"other"`   // mails without an id
	Bytes   int64    `json:"bytes"`   // of all mails, as they came over the line
	Refused []string `json:"refused"` // what was against the protocol, the first ten
}

// NewSink makes a Sink that has taken nothing.
func NewSink() *Sink { return &Sink{counts: map[int64]int{}} }

// Taken tells what came so far.
func (s *Sink) Taken() Taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func (s *Sink) accept(id int64, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken.Bytes += int64(size)
	if id == 0 {
		s.taken.Other++
		return
	}
	s.taken.Mails++
	if s.counts[id]++; s.counts[id] == 1 {
		s.taken.IDs++
		s.taken.Sum += id
	}
}

// Serve answers connections until the listener is closed. With a configuration
// it speaks TLS from the first byte.
func (s *Sink) Serve(l net.Listener, config *tls.Config) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve mail: %w", err)
		}
		if config != nil {
			conn = tls.Server(conn, config)
		}
		go s.session(conn)
	}
}

// guest is one connection to a Sink.
type guest struct {
	in         *bufio.Reader
	out        *bufio.Writer
	greeted    bool
	mail, rcpt bool
	id         int64
	size       int
}

var (
	errLeft     = errors.New("the client said QUIT")
	errProtocol = errors.New("against the protocol")
)

func (s *Sink) session(conn net.Conn) {
	defer conn.Close()
	g := &guest{in: bufio.NewReaderSize(conn, 32<<10), out: bufio.NewWriterSize(conn, 1<<10)}
	err := g.say("220 sink ready")
	for err == nil {
		err = s.next(g)
	}
	if errors.Is(err, errProtocol) {
		s.mu.Lock()
		if len(s.taken.Refused) < 10 {
			s.taken.Refused = append(s.taken.Refused, err.Error())
		}
		s.mu.Unlock()
		_ = g.say("500 5.5.0 " + err.Error())
	}
	_ = g.out.Flush()
}

// say answers; while more of a group is there to be read, the answer waits for
// the others.
func (g *guest) say(reply string) error {
	if _, err := g.out.WriteString(reply); err != nil {
		return err
	}
	if _, err := g.out.WriteString("\r\n"); err != nil {
		return err
	}
	if g.in.Buffered() > 0 {
		return nil
	}
	return g.out.Flush()
}

// line reads one line, without its end.
func (g *guest) line() ([]byte, error) {
	line, err := g.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || err == nil && len(line) > 1000:
		return nil, fmt.Errorf("a line of more than 1000 bytes is %w", errProtocol)
	case err != nil:
		return nil, err
	case len(line) < 2 || line[len(line)-2] != '\r' || bytes.IndexByte(line[:len(line)-2], '\r') >= 0:
		return nil, fmt.Errorf("a CR or LF by itself is %w", errProtocol)
	}
	return line[:len(line)-2], nil
}

func (s *Sink) next(g *guest) error {
	line, err := g.line()
	if err != nil {
		return err
	}
	verb, arg, _ := strings.Cut(string(line), " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "EHLO" && arg != "":
		g.greeted, g.mail, g.rcpt = true, false, false
		return g.say("250-sink\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
	case verb == "QUIT":
		_ = g.say("221 2.0.0 bye")
		return errLeft
	case verb == "NOOP":
		return g.say("250 2.0.0 nothing done")
	case verb == "RSET":
		g.mail, g.rcpt = false, false
		return g.say("250 2.0.0 reset")
	case verb == "MAIL" && g.greeted && !g.mail && path(arg, "FROM:<"):
		g.mail = true
		return g.say("250 2.1.0 sender ok")
	case verb == "RCPT" && g.mail && path(arg, "TO:<") && !strings.HasPrefix(arg, "TO:<>"):
		g.rcpt = true
		return g.say("250 2.1.5 recipient ok")
	case verb == "DATA" && g.rcpt && arg == "":
		if err := g.say("354 go ahead"); err != nil {
			return err
		}
		if err := g.data(); err != nil {
			return err
		}
		s.accept(g.id, g.size)
		g.mail, g.rcpt = false, false
		return g.say("250 2.0.0 taken")
	}
	return fmt.Errorf("%s here is %w", verb, errProtocol)
}

// path tells whether an argument is one of MAIL or RCPT: a prefix, an address in
// angle brackets, parameters of which only BODY is known.
func path(arg, prefix string) bool {
	rest, ok := strings.CutPrefix(arg, prefix)
	if !ok {
		return false
	}
	address, params, ok := strings.Cut(rest, ">")
	if !ok || strings.ContainsAny(address, "<> ") || address != "" && !strings.Contains(address, "@") {
		return false
	}
	return params == "" || prefix == "FROM:<" && strings.HasPrefix(params, " BODY=")
}

var idHeader = []byte("X-Tidings-Message: ")

// data reads a message up to its dot: its id, its size, and whether it is whole,
// as the closing boundary of a message in parts tells.
func (g *guest) data() error {
	g.id, g.size = 0, 0
	header, whole := true, false
	for {
		line, err := g.line()
		if err != nil {
			return err
		}
		if len(line) == 1 && line[0] == '.' {
			break
		}
		g.size += len(line) + 2
		switch {
		case header && len(line) == 0:
			header = false
		case header && bytes.HasPrefix(line, idHeader):
			if g.id, err = strconv.ParseInt(string(line[len(idHeader):]), 10, 64); err != nil || g.id < 1 {
				return fmt.Errorf("such a number of a message is %w", errProtocol)
			}
		case len(line) > 0:
			whole = len(line) > 4 && line[0] == '-' && line[1] == '-' && bytes.HasSuffix(line, []byte("--"))
		}
	}
	if header || !whole {
		return fmt.Errorf("a mail without its end is %w", errProtocol)
	}
	return nil
}
