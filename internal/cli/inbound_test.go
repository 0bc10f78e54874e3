package cli_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"net/mail"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidings/internal/mail/smtptest"
)

// pipe runs the program as a mail server does, with a message on its standard
// input, and reads its answer.
func (s *shop) pipe(t *testing.T, message string, into any, args ...string) {
	t.Helper()
	cmd := exec.Command(program(t), append(args, "--json")...)
	cmd.Env = os.Environ()
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdin = strings.NewReader(message)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, &stderr)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

type takenAnswer struct {
	Kind         string
	Message      int64
	Signed       bool
	Event        string
	Unsubscribed bool
	Outcome      struct{ Found, New, Suppressed bool }
}

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func bounceOf(to, address, body string) string {
	return crlf("From: MAILER-DAEMON@mx.example.com", "To: "+to, "Message-ID: <d1@mx.example.com>",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; mx.example.com", "", "Final-Recipient: rfc822; "+address, "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no such user", "",
		"--b", "Content-Type: message/rfc822", "", body, "--b--")
}

// Mails go out, and come back in all the ways there are.
func TestInbound(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	s := newShop(t, sqliteURL(t))
	s.env["SMTP_URL"], s.env["RETURN_ADDRESS"], s.env["SECRET_KEY"] = server.URL(), "bounces@mail.shop.example", strings.Repeat("k", 32)
	s.campaigns(t, map[string]string{"hello": "status: active\ntopic: offers\nactive_from: 2025-01-01\nholdout: 0%\nmax_lateness: 30d\ntrigger: { inactivity: { after: 90d, of: [Order Completed] } }\nsteps: [ { send: letter }, { wait: 7d }, { send: letter, id: again } ]\n"})
	customers, orders := "id,email\n", "customer_id,name,occurred_at,total\n"
	for _, name := range []string{"ana", "bela", "gal", "dana", "eva"} {
		customers += name + "," + name + "@shop.example\n"
		orders += name + ",Order Completed,2025-01-02,10\n"
	}
	s.write(t, "customers.csv", customers)
	s.write(t, "orders.csv", orders)
	s.run(t, "import", "customers", s.dir+"/customers.csv", "--consent", "a box")
	s.run(t, "import", "events", s.dir+"/orders.csv")
	s.run(t, "tick", "--at", "2025-04-03", "--drain")
	mails := map[string]smtptest.Message{}
	for _, m := range server.Messages() {
		name, _, _ := strings.Cut(m.To, "@")
		mails[name] = m
		if !strings.HasPrefix(m.From, "bounces+b") || !strings.HasSuffix(m.From, "@mail.shop.example") {
			t.Errorf("envelope sender %s", m.From)
		}
	}
	if len(mails) != 5 {
		t.Fatalf("%d mails", len(mails))
	}
	header := func(name, field string) string {
		read, err := mail.ReadMessage(bytes.NewReader(mails[name].Body))
		if err != nil {
			t.Fatal(err)
		}
		return read.Header.Get(field)
	}
	take := func(message string, args ...string) (a takenAnswer) {
		t.Helper()
		s.pipe(t, message, &a, append([]string{"inbound"}, args...)...)
		return a
	}

	// A bounce comes to the address that names its mail, whatever it returns.
	bounce := bounceOf("x@mail.shop.example", "ana@shop.example", "Subject: nothing of ours")
	if a := take(bounce, "--recipient", mails["ana"].From); !a.Signed || a.Event != "Email Bounced" || !a.Outcome.New || !a.Outcome.Suppressed {
		t.Errorf("bounce: %+v", a)
	}
	if a := take(bounce, "--recipient", mails["ana"].From); a.Outcome.New || !a.Outcome.Found {
		t.Errorf("the same bounce: %+v", a)
	}
	// A complaint names nobody, and holds the mail with its tokens.
	complaint := crlf("From: fbl@provider.example", "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "",
		"--b", "Content-Type: message/feedback-report", "", "Feedback-Type: abuse", "User-Agent: x/1", "Version: 1", "",
		"--b", "Content-Type: message/rfc822", "", string(mails["bela"].Body), "--b--")
	if a := take(complaint); !a.Signed || a.Event != "Email Complained" || !a.Outcome.Suppressed {
		t.Errorf("complaint: %+v", a)
	}
	// A reply, and one whose author is another.
	reply := func(from string) string {
		return crlf("From: "+from, "Subject: Re: A letter", "In-Reply-To: "+header("gal", "Message-ID"), "", "Do you have it in blue?")
	}
	key := s.dir + "/key.pem"
	s.run(t, "dkim", "keygen", "--domain", "mail.shop.example", "--selector", "s1", "--out", key)
	s.env["DKIM_KEYS"] = "s1@mail.shop.example=" + key
	if a := take(reply("Gal <gal@shop.example>"), "--forward", "care@shop.example"); a.Event != "Email Replied" || !a.Outcome.New || a.Outcome.Suppressed {
		t.Errorf("reply: %+v", a)
	}
	sent := server.Messages()
	if last := sent[len(sent)-1]; last.To != "care@shop.example" || last.From != "bounces@mail.shop.example" || !bytes.Contains(last.Body, []byte("in blue?\r\n")) {
		t.Errorf("not sent on: %+v", last)
	} else if take(string(last.Body), "--forward", "care@shop.example"); len(server.Messages()) != len(sent) {
		t.Error("what was sent on goes round")
	}
	// Whoever writes in our name is not given our signature.
	take(crlf("From: boss@mail.shop.example", "Subject: Urgent", "Message-ID: <1@evil.example>", "", "Pay this."), "--forward", "care@shop.example")
	if sent = server.Messages(); !bytes.Contains(sent[len(sent)-1].Body, []byte("Pay this.")) || bytes.Contains(sent[len(sent)-1].Body, []byte("DKIM-Signature")) {
		t.Errorf("a stranger's words, sent on: %s", sent[len(sent)-1].Body)
	}
	if a := take(reply("eve@evil.example")); a.Outcome.Found {
		t.Errorf("another's reply: %+v", a)
	}
	// Somebody writes a bounce by hand, about a mail whose id they have guessed.
	forged := bounceOf("x@mail.shop.example", "eva@shop.example", "Message-ID: "+header("eva", "Message-ID"))
	if a := take(forged); a.Signed || a.Outcome.Suppressed {
		t.Errorf("forged: %+v", a)
	}
	// The address to unsubscribe by.
	found := regexp.MustCompile(`<mailto:([^>]+)>`).FindStringSubmatch(header("dana", "List-Unsubscribe"))
	if found == nil {
		t.Fatalf("List-Unsubscribe: %s", header("dana", "List-Unsubscribe"))
	}
	if a := take(crlf("From: dana@shop.example", "To: "+found[1], "Subject: unsubscribe", "", "")); !a.Unsubscribed {
		t.Errorf("unsubscribe: %+v", a)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(s.env["DATABASE_URL"], "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT c.external_id || ' ' || s.topic || ' ' || s.reason FROM suppressions s JOIN customers c ON c.email_hash = s.email_hash ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if want := []string{"ana * bad_address", "bela @marketing complained", "dana offers unsubscribed"}; !slices.Equal(got, want) || rows.Err() != nil {
		t.Errorf("suppressed: %q, want %q (%v)", got, want, rows.Err())
	}
}

func TestInboundOnlyLooks(t *testing.T) {
	t.Parallel()
	s := &shop{env: map[string]string{"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}}
	var a struct {
		Kind       string
		Recipients []map[string]string
		MessageID  string `json:"message_id"`
	}
	s.pipe(t, bounceOf("x@mail.shop.example", "ana@shop.example", "Message-ID: <t7.s1@shop.example>"), &a, "inbound", "--dry-run")
	if a.Kind != "bounce" || a.MessageID != "t7.s1@shop.example" || len(a.Recipients) != 1 || a.Recipients[0]["class"] != "hard" || a.Recipients[0]["status"] != "5.1.1" {
		t.Errorf("%+v", a)
	}
	// A database that cannot be reached: the mail server keeps the message.
	cmd := exec.Command(program(t), "inbound")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+s.env["DATABASE_URL"])
	cmd.Stdin = strings.NewReader(bounceOf("x@mail.shop.example", "ana@shop.example", ""))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 75 || bytes.Contains(out, []byte("ana@")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestGrade(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(program(t), "grade", "--json")
	cmd.Stdin = strings.NewReader(`{"user_agent":"curl/8.5.0","method":"HEAD","seconds_after_accept":3}` + "\n\n" +
		`{"kind":"open","user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:115.0) Gecko/20100101 Thunderbird/115.0","method":"GET","seconds_after_accept":3600.5,"address":"192.0.2.0/24"}` + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"grade":"scanner","reasons":["asked by HEAD","user agent: says curl","within 10 s of its delivery"],"version":2}` + "\n" +
		`{"grade":"human","reasons":["user agent: a mail program"],"version":2}` + "\n"
	if string(out) != want {
		t.Errorf("%s, want %s", out, want)
	}
	cmd = exec.Command(program(t), "grade", "--json")
	cmd.Stdin = strings.NewReader("{}\nno JSON\n")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !bytes.Contains(out, []byte("line 2:")) {
		t.Errorf("exit %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}
