package bench_test

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"tidings/internal/bench"
)

// The sink holds to the protocol, and its count is what was taken whole.
func TestSink(t *testing.T) {
	t.Parallel()
	const mail = "MAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
	const body = "X-Tidings-Message: 7\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n--x--\r\n.\r\n"
	for _, c := range []struct {
		name, say, last string
		mails           int
	}{
		{"a mail", "EHLO x\r\n" + mail + body + "QUIT\r\n", "221 2.0.0 bye", 1},
		{"two in one write", "EHLO x\r\n" + mail + body + mail + body + "QUIT\r\n", "221 2.0.0 bye", 2},
		{"no greeting", mail, "500 5.5.0 MAIL here is against the protocol", 0},
		{"no recipient", "EHLO x\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n", "500 5.5.0 DATA here is against the protocol", 0},
		{"a bare LF", "EHLO x\r\n" + mail + "Subject: x\n\r\n--x--\r\n.\r\n", "500 5.5.0 a CR or LF by itself is against the protocol", 0},
		{"cut short", "EHLO x\r\n" + mail + "X-Tidings-Message: 7\r\n\r\n--x\r\n\r\nHel\r\n.\r\n", "500 5.5.0 a mail without its end is against the protocol", 0},
		{"no dot", "EHLO x\r\n" + mail + strings.TrimSuffix(body, ".\r\n"), "354 go ahead", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := bench.NewSink()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() { _ = s.Serve(l, nil) }()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(c.say)); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			last := ""
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				last = lines.Text()
			}
			taken := s.Taken()
			if last != c.last || taken.Mails != c.mails || taken.IDs != min(c.mails, 1) {
				t.Errorf("said %q in the end and took %+v", last, taken)
			}
		})
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	if _, err := bench.Parts([]byte("no profile"), nil); err == nil {
		t.Error("what is no profile was read")
	}
}
