package intake_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// drain reads a file to its end and gives its rows and what it rejected.
func drain[T any](t testing.TB, r *intake.Reader[T], err error) (rows []T, bad []intake.Rejected) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Next()
		var rejected *intake.Rejected
		switch {
		case err == io.EOF:
			return rows, bad
		case errors.As(err, &rejected):
			bad = append(bad, *rejected)
		case err != nil:
			t.Fatal(err)
		default:
			rows = append(rows, row)
		}
	}
}

func customers(t testing.TB, file string) ([]intake.CustomerRow, []intake.Rejected) {
	t.Helper()
	r, err := intake.Customers(strings.NewReader(file), "customers.csv", intake.Options{})
	return drain(t, r, err)
}

func events(t testing.TB, file string) ([]intake.EventRow, []intake.Rejected) {
	t.Helper()
	r, err := intake.Events(strings.NewReader(file), "events.csv", intake.Options{})
	return drain(t, r, err)
}

func TestCustomersCSV(t *testing.T) {
	file := "\ufeffid;email;First Name;timezone;created_at;consent;tier;points;vip;zip;note;shop_id\r\n" +
		"0017;Ana@Kape.example;Ana;Asia/Manila;2020-02-03 04:05:06;shop checkout 2020;gold;12.50;true;12345;\"a; \"\"b\"\"\r\nc\";77\r\n" +
		"\r\n" +
		"18;b@kape.example;;;;;;0123;;;;\r\n"
	rows, bad := customers(t, file)
	for i := range rows {
		if rows[i].Raw == "" || !strings.Contains(file, strings.Split(rows[i].Raw, "\n")[0]) {
			t.Errorf("raw of line %d is %q", rows[i].Line, rows[i].Raw)
		}
		rows[i].Raw = ""
	}
	want := []intake.CustomerRow{
		{Line: 2, Consent: "shop checkout 2020", Traits: campaign.Traits{
			Customer: campaign.Ref{ID: "0017"},
			Attributes: map[string]any{
				"email": "Ana@Kape.example", "first_name": "Ana", "timezone": "Asia/Manila",
				"created_at": "2020-02-03T04:05:06Z", "tier": "gold", "points": 12.5, "vip": true,
				"zip": "12345", "note": "a; \"b\"\nc", "shop_id": "77",
			},
		}},
		{Line: 5, Traits: campaign.Traits{
			Customer:   campaign.Ref{ID: "18"},
			Attributes: map[string]any{"email": "b@kape.example", "points": "0123"},
		}},
	}
	if d := cmp.Diff(want, rows); d != "" || bad != nil {
		t.Errorf("rows (-want +got):\n%s\nrejected: %v", d, bad)
	}
}

func TestCustomersNDJSON(t *testing.T) {
	file := `{"id":17,"email":"a@b.example","created_at":"2020-02-03","points":"12","consent":"fair","tags":["x"],"gone":null}
{"userId":"u1","traits":{"email":"u@b.example","firstName":"Uma","createdAt":"2021-01-01T00:00:00+0200"}}
`
	rows, bad := customers(t, file)
	for i := range rows {
		if rows[i].Raw == "" || !strings.Contains(file, strings.Split(rows[i].Raw, "\n")[0]) {
			t.Errorf("raw of line %d is %q", rows[i].Line, rows[i].Raw)
		}
		rows[i].Raw = ""
	}
	want := []intake.CustomerRow{
		{Line: 1, Consent: "fair", Traits: campaign.Traits{Customer: campaign.Ref{ID: "17"}, Attributes: map[string]any{
			"email": "a@b.example", "created_at": "2020-02-03T00:00:00Z", "points": "12", "tags": []any{"x"}, "gone": nil,
		}}},
		{Line: 2, Traits: campaign.Traits{Customer: campaign.Ref{ID: "u1"}, Attributes: map[string]any{
			"email": "u@b.example", "first_name": "Uma", "created_at": "2020-12-31T22:00:00Z",
		}}},
	}
	if d := cmp.Diff(want, rows); d != "" || bad != nil {
		t.Errorf("rows (-want +got):\n%s\nrejected: %v", d, bad)
	}
}

func TestRejectedCustomers(t *testing.T) {
	cases := []struct{ row, reason string }{
		{",a@b.example,,", "id is empty"},
		{"1,,,", "email is empty"},
		{"1,nobody,,", `email "nobody" is not an email address`},
		{`1,"Ana <a@b.example>",,`, "is not an email address"},
		{"1,a@localhost,,", "is not an email address"},
		{"1,a@b.example,Europe/Atlantis,", `timezone "Europe/Atlantis" is not an IANA time zone`},
		{"1,a@b.example,Local,", "is not an IANA time zone"},
		{"1,a@b.example,,2020-02-30", `created_at "2020-02-30" is not a date`},
		{"1,a@b.example,,0201-02-03", "is outside 1970 to 2099"},
		{"1,a@b.example,", "3 cells for 4 columns"},
		{"1,a@b.example,,,5", "5 cells for 4 columns"},
		{"1,\"a@b.example\"x,,", "goes on after its closing quote"},
		{"1,\"a@b.example,,", "opened and never closed"},
		{"1,a@b.example,,\xff", "not UTF-8"},
		{"1,a@b.example,,\x00", "NUL"},
		{strings.Repeat("9", 201) + ",a@b.example,,", "id is longer than 200 characters"},
		{strings.Repeat("9", intake.MaxRow+1) + ",a@b.example,,", "longer than 256 KB"},
	}
	for _, c := range cases {
		rows, bad := customers(t, "id,email,timezone,created_at\n"+c.row+"\n2,ok@b.example,,\n")
		if len(bad) != 1 || bad[0].Line != 2 || !strings.Contains(bad[0].Reason, c.reason) {
			t.Errorf("%.60q: rejected %v, want %q", c.row, bad, c.reason)
		}
		if len(rows) != 1 || rows[0].Line != 3 {
			t.Errorf("%.60q: the row behind it is lost: %v", c.row, rows)
		}
		if len(bad) == 1 && len(c.row) < 100 && bad[0].Raw != c.row {
			t.Errorf("raw is %q, want %q", bad[0].Raw, c.row)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	cases := []struct{ file, want string }{
		{"", "the file is empty"},
		{"\n\n", "the file is empty"},
		{"id,e-mail\n", "column email is missing; the first line names id, e-mail; did you mean e-mail? Rename it to email"},
		{"id,emial\n", "did you mean emial?"},
		{"id,colour\n", "column email is missing; the first line names id, colour"},
		{"id,email,a,a\n", "two columns are named a"},
		{"id,email,EMAIL\n", "two columns are named email"},
		{"[{\"id\":1}]", "JSON list; write one object per line"},
		{"PK\x03\x04", "export it as CSV"},
		{"\xff\xfei\x00", "UTF-16"},
		{"\x1f\x8bnonsense", "gzip"},
	}
	for _, c := range cases {
		_, err := intake.Customers(strings.NewReader(c.file), "c.csv", intake.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "c.csv: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.file, err, c.want)
		}
	}
}

func TestGzip(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, "\ufeffid,email\n1,a@b.example\n")
	z.Close()
	whole := b.Bytes()
	r, err := intake.Customers(bytes.NewReader(whole), "c.csv.gz", intake.Options{})
	if rows, bad := drain(t, r, err); len(rows) != 1 || bad != nil {
		t.Errorf("rows %v, rejected %v", rows, bad)
	}
	r, err = intake.Customers(bytes.NewReader(whole[:len(whole)-6]), "c.csv.gz", intake.Options{})
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that breaks off ends with %v", err)
	}
}

func TestEventsCSV(t *testing.T) {
	file := "event_id\tcustomer_id\tname\toccurred_at\ttotal\torder_id\tproducts\tlabel\tproperties\n" +
		"e1\t007\tOrder Completed\t2020-01-02\t12.5\t1001\t" + `"[{""price"":""3.50"",""sku"":""007""}]"` + "\t[new]\t" + `"{""total"":1,""note"":""x""}"` + "\n" +
		"\t8\tCart Viewed\t2020-01-02T03:04:05+02:00\t\t\t\t\t\n"
	rows, bad := events(t, file)
	want := []intake.EventRow{
		{Line: 2, Event: campaign.Event{
			UID: "id:e1", Customer: campaign.Ref{ID: "007"}, Name: "Order Completed",
			OccurredAt: at("2020-01-02T00:00:00Z"), KnownAt: at("2020-01-02T00:00:00Z"),
			Properties: map[string]any{
				"total": 12.5, "order_id": "1001", "label": "[new]", "note": "x",
				"products": []any{map[string]any{"price": 3.5, "sku": "007"}},
			},
		}},
		{Line: 3, Event: campaign.Event{
			UID: rows[1].Event.UID, Customer: campaign.Ref{ID: "8"}, Name: "Cart Viewed",
			OccurredAt: at("2020-01-02T01:04:05Z"), KnownAt: at("2020-01-02T01:04:05Z"),
			Properties: map[string]any{},
		}},
	}
	if d := cmp.Diff(want, rows); d != "" || bad != nil {
		t.Errorf("rows (-want +got):\n%s\nrejected: %v", d, bad)
	}
	if !strings.HasPrefix(rows[1].Event.UID, "row:") {
		t.Errorf("uid of a row without event_id: %q", rows[1].Event.UID)
	}
}

func TestRowUIDIsItsContent(t *testing.T) {
	header := "customer_id,name,occurred_at,total,kind\n"
	rows, _ := events(t, header+"1,Order Completed,2020-01-02,5,a\n1,Order Completed,2020-01-02T00:00:00Z,5,a\n1,Order Completed,2020-01-02,5,b\n2,Order Completed,2020-01-02,5,a\n")
	uid := func(i int) string { return rows[i].Event.UID }
	if uid(0) != uid(1) {
		t.Error("the same event in two spellings has two uids")
	}
	if uid(0) == uid(2) || uid(0) == uid(3) {
		t.Error("different events share a uid")
	}
	// A file of another form with the same facts is the same event.
	other, _ := events(t, `{"customer_id":"1","name":"Order Completed","occurred_at":"2020-01-02","properties":{"kind":"a","total":5}}`)
	if other[0].Event.UID != uid(0) {
		t.Error("NDJSON and CSV of the same event differ in uid")
	}
}

func TestImportedAndTrackedShareUID(t *testing.T) {
	rows, _ := events(t, "event_id,customer_id,name,occurred_at\nm-1,u1,Order Completed,2020-01-02\n")
	items, err := intake.ParseCall("track", []byte(`{"userId":"u1","event":"Order Completed","messageId":"m-1"}`), at("2020-01-02T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	if rows[0].Event.UID != items[0].Event.UID {
		t.Errorf("%q imported, %q tracked", rows[0].Event.UID, items[0].Event.UID)
	}
}

// Uids of ours (a mail that was sent, an open) cannot be taken by a sender's.
func TestOutsideUIDsAreApart(t *testing.T) {
	now := at("2020-01-02T00:00:00Z")
	var uids []string
	for _, id := range []string{"sent:1", "hit:ab", "new:x", "row:x", "id:1"} {
		rows, _ := events(t, "event_id,customer_id,name,occurred_at\n"+id+",u1,Order Completed,2020-01-02\n")
		lines, _ := events(t, `{"event_id":"`+id+`","customer_id":"u1","name":"Order Completed","occurred_at":"2020-01-02"}
{"messageId":"`+id+`","type":"track","userId":"u1","event":"Order Completed","timestamp":"2020-01-02T00:00:00Z"}`)
		for _, row := range append(rows, lines...) {
			uids = append(uids, row.Event.UID)
		}
		for kind, body := range map[string]string{
			"track": `{"userId":"u1","event":"Order Completed","messageId":"` + id + `"}`,
			"page":  `{"userId":"u1","messageId":"` + id + `"}`,
			"batch": `{"batch":[{"type":"screen","userId":"u1","messageId":"` + id + `"}]}`,
		} {
			items, err := intake.ParseCall(kind, []byte(body), now)
			if err != nil {
				t.Fatal(err)
			}
			uids = append(uids, items[0].Event.UID)
		}
	}
	if len(uids) != 30 {
		t.Fatalf("%d uids", len(uids))
	}
	for _, uid := range uids {
		if !strings.HasPrefix(uid, "id:") {
			t.Errorf("a sender has taken the uid %q", uid)
		}
	}
}

func TestEventsNDJSON(t *testing.T) {
	file := `{"event_id":1,"customer_id":7,"name":"Order Completed","occurred_at":"2020-01-02 03:04","total":"9.90","visitor":12345678901234567890}
{"type":"track","messageId":"m2","userId":"u","anonymousId":"a","event":"Product Added","timestamp":"2020-01-02T00:00:00Z","properties":{"quantity":"2"}}
{"type":"page","anonymousId":"a","name":"Home","timestamp":"2020-01-02T00:00:00Z"}
{"type":"identify","userId":"u","timestamp":"2020-01-02T00:00:00Z"}
{"userId":"u","event":"X"}
[1]
{"userId":
`
	rows, bad := events(t, file)
	want := []campaign.Event{
		{UID: "id:1", Customer: campaign.Ref{ID: "7"}, Name: "Order Completed", OccurredAt: at("2020-01-02T03:04:00Z"), KnownAt: at("2020-01-02T03:04:00Z"),
			Properties: map[string]any{"total": 9.9, "visitor": "12345678901234567890"}},
		{UID: "id:m2", Customer: campaign.Ref{ID: "u", AnonymousID: "a"}, Name: "Product Added", OccurredAt: at("2020-01-02T00:00:00Z"), KnownAt: at("2020-01-02T00:00:00Z"),
			Properties: map[string]any{"quantity": 2.0}},
		{Customer: campaign.Ref{AnonymousID: "a"}, Name: "Page Viewed", OccurredAt: at("2020-01-02T00:00:00Z"), KnownAt: at("2020-01-02T00:00:00Z"),
			Properties: map[string]any{"name": "Home"}},
	}
	var got []campaign.Event
	for _, r := range rows {
		if strings.HasPrefix(r.Event.UID, "row:") {
			r.Event.UID = ""
		}
		got = append(got, r.Event)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	reasons := []string{`type "identify" is not an event`, "timestamp is missing", "not a JSON object", "not JSON: it breaks off"}
	if len(bad) != len(reasons) {
		t.Fatalf("rejected %v", bad)
	}
	for i, r := range reasons {
		if bad[i].Line != i+4 || !strings.Contains(bad[i].Reason, r) {
			t.Errorf("rejected %v, want line %d: %s", bad[i], i+4, r)
		}
	}
}

func TestRejectedEvents(t *testing.T) {
	cases := []struct{ row, reason string }{
		{`,Order Completed,2020-01-02,,`, "customer_id is missing"},
		{`1,,2020-01-02,,`, "name is missing"},
		{`1,Order Completed,,,`, "occurred_at is missing"},
		{`1,Order Completed,02/01/2020,,`, `occurred_at "02/01/2020" is not a date`},
		{`1,Order Completed,2020-01-02,{,`, "properties is not JSON"},
		{`1,Order Completed,2020-01-02,[],`, "properties is not an object"},
		{`1,Order Completed,2020-01-02,,[{`, "products is not JSON"},
		{`1,Order Completed,2020-01-02,"{""a"":1e999}",`, "properties.a is a number out of range"},
		{`1,Order Completed,2020-01-02,"{""a"":""\u0000""}",`, "properties.a holds a NUL character"},
		{`1,Order Completed,2020-01-02,,` + strings.Repeat("[", 11) + strings.Repeat("]", 11), "lies more than 10 levels deep"},
		{`1,` + strings.Repeat("ä", 201) + `,2020-01-02,,`, "name is longer than 200 characters"},
	}
	for _, c := range cases {
		rows, bad := events(t, "customer_id,name,occurred_at,properties,products\n"+c.row+"\n")
		if len(rows) != 0 || len(bad) != 1 || !strings.Contains(bad[0].Reason, c.reason) {
			t.Errorf("%s: rows %v, rejected %v, want %q", c.row, rows, bad, c.reason)
		}
	}
}

func TestZoneOption(t *testing.T) {
	manila, err := time.LoadLocation("Asia/Manila")
	if err != nil {
		t.Fatal(err)
	}
	r, err := intake.Events(strings.NewReader("customer_id,name,occurred_at\n1,A,2020-01-02 08:00\n1,A,2020-01-02T08:00:00Z\n"), "e", intake.Options{Zone: manila})
	rows, _ := drain(t, r, err)
	if !rows[0].Event.OccurredAt.Equal(at("2020-01-02T00:00:00Z")) || !rows[1].Event.OccurredAt.Equal(at("2020-01-02T08:00:00Z")) {
		t.Errorf("got %v and %v", rows[0].Event.OccurredAt, rows[1].Event.OccurredAt)
	}
}

// An unclosed quote costs its own row alone, wherever it stands.
func TestOpenQuoteLosesOneRow(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,email,note\n")
	for i := range 5000 {
		quote := ""
		if i == 2500 {
			quote = `"`
		}
		fmt.Fprintf(&b, "%d,c%d@b.example,%shello\n", i, i, quote)
	}
	rows, bad := customers(t, b.String())
	if len(rows) != 4999 || len(bad) != 1 || bad[0].Line != 2502 {
		t.Errorf("%d rows, rejected %v", len(rows), bad)
	}
}

func TestAllEndsWithTheFilesError(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("id,email\n1,a@b.example\n2,bad\n"), errReader{})
	r, err := intake.Customers(broken, "c.csv", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for row, err := range r.All() {
		got = append(got, fmt.Sprint(row.Line, " ", err))
	}
	want := []string{"2 <nil>", `0 line 3: email "bad" is not an email address`, "0 c.csv: read line 4: the disk is gone"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }
