package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// errOver ends a session.
var errOver = errors.New("session over")

// session is one connection.
type session struct {
	server *Server
	raw    net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	n      int

	secure, known bool // TLS is on; AUTH was right
	helo          string
	mail          bool // MAIL was accepted
	message       Message
	taken         int
}

func newSession(s *Server, conn net.Conn, n int) *session {
	x := &session{server: s, raw: conn, n: n}
	x.over(conn)
	return x
}

func (x *session) over(conn net.Conn) {
	x.in, x.out = bufio.NewReaderSize(conn, 16<<10), bufio.NewWriter(conn)
}

func (x *session) run() {
	if x.server.setup.implicit {
		x.upgrade()
	}
	if x.say(Greeting, "220 smtptest ready") != nil {
		return
	}
	for {
		line, err := x.in.ReadString('\n')
		if err != nil {
			return
		}
		if x.command(strings.TrimRight(line, "\r\n")) != nil {
			return
		}
	}
}

func (x *session) upgrade() {
	x.over(tls.Server(x.raw, x.server.tls))
	x.secure = true
}

// strike lets the plan have its way. reply is what to say instead, if anything.
func (x *session) strike(p Point) (reply string, err error) {
	f := x.server.fault(Moment{Point: p, Session: x.n, Taken: x.taken, To: x.message.To, ID: x.message.ID})
	if f == nil {
		return "", nil
	}
	if f.After > 0 {
		timer := time.NewTimer(f.After)
		defer timer.Stop()
		<-timer.C
	}
	if f.Until != nil {
		<-f.Until
	}
	if f.Drop {
		_ = x.out.Flush() // what was said before counts
		return "", errOver
	}
	if f.Silent {
		_ = x.out.Flush()
		_, _ = io.Copy(io.Discard, x.in) // until the client or Close ends it
		return "", errOver
	}
	return f.Reply, nil
}

// say answers at p with right, unless a fault says otherwise.
func (x *session) say(p Point, right string) error {
	_, err := x.answer(p, right)
	return err
}

// answer is say, and tells whether the right thing was said.
func (x *session) answer(p Point, right string) (bool, error) {
	wrong, err := x.strike(p)
	if err != nil {
		return false, err
	}
	if wrong != "" {
		right = wrong
	}
	if err := x.line(right); err != nil {
		return false, err
	}
	if strings.HasPrefix(right, "421") || strings.HasPrefix(right, "221") {
		_ = x.out.Flush()
		return false, errOver
	}
	return wrong == "", nil
}

// line writes a reply; the answers to a pipelined group go out in one write.
func (x *session) line(s string) error {
	if _, err := x.out.WriteString(s + "\r\n"); err != nil {
		return err
	}
	if x.in.Buffered() > 0 {
		return nil
	}
	return x.out.Flush()
}

func (x *session) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		x.helo = arg
		return x.say(Ehlo, x.extensions())
	case "HELO":
		return x.say(Ehlo, "250 smtptest")
	case "STARTTLS":
		return x.startTLS()
	case "AUTH":
		return x.auth(arg)
	case "MAIL":
		return x.mailFrom(arg)
	case "RCPT":
		return x.rcptTo(arg)
	case "DATA":
		return x.data()
	case "RSET":
		x.mail, x.message = false, Message{}
		return x.say(Rset, "250 2.0.0 reset")
	case "NOOP":
		return x.say(Noop, "250 2.0.0 nothing done")
	case "QUIT":
		return x.say(Quit, "221 2.0.0 bye")
	}
	return x.line("500 5.5.2 unknown command")
}

func (x *session) extensions() string {
	s := x.server.setup
	list := []string{"smtptest", "ENHANCEDSTATUSCODES"}
	for _, e := range []struct {
		on   bool
		name string
	}{{!s.noPipeline, "PIPELINING"}, {!s.sevenBit, "8BITMIME"}, {s.size > 0, "SIZE " + strconv.Itoa(s.size)}, {s.utf8, "SMTPUTF8"}, {s.tls && !x.secure, "STARTTLS"}, {s.user != "", "AUTH PLAIN"}} {
		if e.on {
			list = append(list, e.name)
		}
	}
	return "250-" + strings.Join(list[:len(list)-1], "\r\n250-") + "\r\n250 " + list[len(list)-1]
}

func (x *session) startTLS() error {
	if !x.server.setup.tls || x.secure {
		return x.line("502 5.5.1 not offered")
	}
	right, err := x.answer(StartTLS, "220 2.0.0 go ahead")
	if err == nil && right {
		x.upgrade()
	}
	return err
}

func (x *session) auth(arg string) error {
	mechanism, initial, _ := strings.Cut(arg, " ")
	given, err := base64.StdEncoding.DecodeString(initial)
	s := x.server.setup
	if !strings.EqualFold(mechanism, "PLAIN") || err != nil || string(given) != "\x00"+s.user+"\x00"+s.pass {
		return x.line("535 5.7.8 user or password is wrong")
	}
	x.known, err = x.answer(Auth, "235 2.7.0 welcome")
	return err
}

// path cuts <address> from behind a colon.
func path(arg string) (addr, params string) {
	_, rest, _ := strings.Cut(arg, "<")
	addr, params, _ = strings.Cut(rest, ">")
	return addr, strings.TrimSpace(params)
}

func (x *session) mailFrom(arg string) error {
	switch {
	case x.mail:
		return x.line("503 5.5.1 nested MAIL")
	case x.server.setup.user != "" && !x.known:
		return x.line("530 5.7.0 authentication required")
	}
	from, params := path(arg)
	if wrong := x.parameters(params); wrong != "" {
		return x.line(wrong)
	}
	ok, err := x.answer(Mail, "250 2.1.0 sender ok")
	if err == nil && ok {
		x.mail, x.message = true, Message{Session: x.n, From: from, Params: params, Helo: x.helo}
	}
	return err
}

// parameters refuses those of MAIL that were not offered.
func (x *session) parameters(params string) (wrong string) {
	s := x.server.setup
	for p := range strings.FieldsSeq(params) {
		size, isSize := strings.CutPrefix(p, "SIZE=")
		switch {
		case p == "SMTPUTF8" && s.utf8, p == "BODY=8BITMIME" && !s.sevenBit, p == "BODY=7BIT" && !s.sevenBit:
		case isSize && s.size > 0:
			if n, err := strconv.Atoi(size); err != nil || n > s.size {
				return "552 5.3.4 too big"
			}
		default:
			return "555 5.5.4 not offered: " + p
		}
	}
	return ""
}

// unfit tells what is wrong with a message's bytes: 8 bits that were not announced,
// a line that is too long, a line end that is none.
func unfit(m Message, wire []byte) string {
	if !strings.Contains(m.Params, "BODY=8BITMIME") && !strings.Contains(m.Params, "SMTPUTF8") &&
		bytes.IndexFunc(wire, func(r rune) bool { return r >= 0x80 }) >= 0 {
		return "554 5.6.1 8 bits, which MAIL does not announce"
	}
	for line := range bytes.SplitAfterSeq(wire, []byte("\r\n")) {
		switch text := bytes.TrimSuffix(line, []byte("\r\n")); {
		case len(text) > 1000: // 998 and a doubled dot
			return "500 5.5.2 a line is too long"
		case bytes.ContainsAny(text, "\r\n"):
			return "554 5.6.0 a bare CR or LF"
		}
	}
	return ""
}

func (x *session) rcptTo(arg string) error {
	if !x.mail {
		return x.line("503 5.5.1 MAIL first")
	}
	x.message.To, _ = path(arg)
	ok, err := x.answer(Rcpt, "250 2.1.5 recipient ok")
	if !ok {
		x.message.To = ""
	}
	return err
}

func (x *session) data() error {
	if !x.mail || x.message.To == "" {
		return x.line("503 5.5.1 no valid recipient")
	}
	ok, err := x.answer(Data, "354 go on")
	if err != nil || !ok {
		return err
	}
	wire, err := x.body()
	m := newMessage(x.message, wire, !x.server.setup.noBodies || x.server.setup.take != nil)
	if err != nil {
		x.server.change(func() { x.server.partial = append(x.server.partial, m) })
		return err
	}
	x.message.ID = m.ID
	wrong, err := x.strike(Dot)
	x.mail = false
	if err != nil {
		return err
	}
	if wrong == "" {
		wrong = unfit(m, wire)
	}
	if wrong == "" {
		x.taken++
		x.server.take(m)
		return x.say(Taken, "250 2.0.0 accepted")
	}
	if err := x.line(wrong); err != nil {
		return err
	}
	if strings.HasPrefix(wrong, "421") {
		_ = x.out.Flush()
		return errOver
	}
	return nil
}

// body reads up to the line with the lone dot. What came before an end without
// it is returned with the error.
func (x *session) body() ([]byte, error) {
	if err := x.out.Flush(); err != nil {
		return nil, err
	}
	var wire []byte
	for first := true; ; first = false {
		line, err := x.in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			err = nil
		}
		if err != nil {
			return append(wire, line...), err
		}
		if string(line) == ".\r\n" && (len(wire) == 0 || bytes.HasSuffix(wire, []byte("\r\n"))) {
			return wire, nil
		}
		wire = append(wire, line...)
		if !first {
			continue
		}
		wrong, err := x.strike(Body)
		if err == nil && wrong != "" {
			if _, err = x.out.WriteString(wrong + "\r\n"); err == nil {
				err = x.out.Flush()
			}
			x.server.change(func() { x.server.struck++ })
		}
		if err != nil {
			return wire, err
		}
	}
}

func (s *Server) take(m Message) {
	if s.setup.take != nil {
		s.setup.take(m)
	}
	s.change(func() {
		s.accepted++
		s.counts[m.ID]++
		if !s.setup.noBodies {
			s.messages = append(s.messages, m)
		}
	})
}
