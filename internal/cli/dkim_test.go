package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"tidings/internal/mail/smtptest"
)

// Mails leave signed, by both algorithms, in the form in which the server takes
// them; another implementation finds them so.
func TestSigned(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]smtptest.Option{"8 bits": nil, "7 bits": {smtptest.WithoutEightBit()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.New(t, options...)
			s := newShop(t, sqliteURL(t))
			records := map[string]string{}
			var keys []string
			for _, algorithm := range []string{"rsa", "ed25519"} {
				file := filepath.Join(s.dir, algorithm+".pem")
				_, out, _ := s.command("dkim", "keygen", "--domain", "mail.kape.example", "--selector", algorithm, "--algorithm", algorithm, "--out", file, "--json")
				var key struct{ Name, Value string }
				if err := json.Unmarshal([]byte(out), &key); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				records[key.Name] = key.Value
				keys = append(keys, algorithm+"@mail.kape.example="+file)
			}
			s.env["SMTP_URL"], s.env["DKIM_KEYS"] = server.URL(), strings.Join(keys, ",")
			s.write(t, "templates/letter.html", strings.Replace(letter, "Hello.", "Grüße, Ana.", 1))
			s.campaigns(t, map[string]string{"hello": "status: active\ntopic: offers\nactive_from: 2025-01-01\nholdout: 0%\nmax_lateness: 30d\ntrigger: { inactivity: { after: 90d, of: [Order Completed] } }\nsteps: [ { send: letter } ]\n"})
			s.write(t, "customers.csv", "id,email,first_name\na,ana@shop.example,Añá\n")
			s.write(t, "orders.csv", "customer_id,name,occurred_at,total\na,Order Completed,2025-01-02,10\n")
			s.run(t, "import", "customers", s.dir+"/customers.csv", "--consent", "a box")
			s.run(t, "import", "events", s.dir+"/orders.csv")
			s.run(t, "tick", "--at", "2025-04-03", "--drain")
			mails := server.Messages()
			if len(mails) != 1 {
				t.Fatalf("%d mails", len(mails))
			}
			body := mails[0].Body
			if ascii := !bytes.ContainsFunc(body, func(r rune) bool { return r >= 0x80 }); ascii != (options != nil) {
				t.Errorf("only ASCII: %v", ascii)
			}
			found, err := dkim.VerifyWithOptions(bytes.NewReader(body), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
				if r, ok := records[name]; ok {
					return []string{r}, nil
				}
				return nil, errors.New("no record of " + name)
			}})
			if err != nil || len(found) != 2 {
				t.Fatalf("%d signatures, %v\n%s", len(found), err, body)
			}
			for _, v := range found {
				covered := strings.ToLower(strings.Join(v.HeaderKeys, " "))
				if v.Err != nil || !strings.Contains(covered, "list-unsubscribe-post") || !strings.Contains(covered, "from from") {
					t.Errorf("%+v\n%s", v, body)
				}
			}
		})
	}
}
