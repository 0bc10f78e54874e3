package cli_test

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tidings/internal/mail/smtptest"
)

// Each script has a database and a mail server of its own, at $DATABASE_URL and
// $MAILSERVER; the commands below are theirs beside testscript's.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			server, err := smtptest.Start()
			if err != nil {
				return err
			}
			env.Defer(server.Close)
			env.Values["server"] = server
			env.Setenv("MAILSERVER", server.URL())
			env.Setenv("DATABASE_URL", "sqlite:"+env.WorkDir+"/shop.db")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": scriptExit, "json": scriptJSON, "mails": scriptMails, "sql": scriptSQL, "gzip": scriptGzip, "customers": scriptCustomers,
		},
	})
}

// scriptExit runs a command and demands its exit code: exit CODE COMMAND ARGS….
func scriptExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// scriptJSON demands a value within the one document that standard output must
// be: json PATH VALUE, the path dotted, the value as JSON. `! json PATH` demands
// that there is none.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if !neg && len(args) != 2 || neg && len(args) != 1 {
		ts.Fatalf("usage: json PATH VALUE, or ! json PATH")
	}
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	ts.Check(d.Decode(&v))
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("something follows the JSON document")
	}
	for _, key := range strings.Split(args[0], ".") {
		m, _ := v.(map[string]any)
		var ok bool
		if v, ok = m[key]; !ok {
			if neg {
				return
			}
			ts.Fatalf("no %s in %s", args[0], ts.ReadFile("stdout"))
		}
	}
	if neg {
		ts.Fatalf("%s is there: %v", args[0], v)
	}
	got, err := json.Marshal(v)
	ts.Check(err)
	if string(got) != args[1] {
		ts.Fatalf("%s is %s, want %s", args[0], got, args[1])
	}
}

// scriptMails demands how many mails the server has taken: mails N [RECIPIENT].
func scriptMails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: mails N [RECIPIENT]")
	}
	n := 0
	for _, m := range ts.Value("server").(*smtptest.Server).Messages() {
		if len(args) == 1 || m.To == args[1] {
			n++
		}
	}
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d mails, want %s", n, args[0])
	}
}

// scriptSQL demands a query's one value of the script's database: sql QUERY
// VALUE.
func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql QUERY VALUE")
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(ts.Getenv("DATABASE_URL"), "sqlite:"))
	ts.Check(err)
	defer db.Close()
	var got any
	ts.Check(db.QueryRowContext(context.Background(), args[0]).Scan(&got))
	if fmt.Sprint(got) != args[1] {
		ts.Fatalf("%s: %v, want %s", args[0], got, args[1])
	}
}

// scriptGzip packs a file: gzip FILE makes FILE.gz.
func scriptGzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gzip FILE")
	}
	f, err := os.Create(ts.MkAbs(args[0]) + ".gz")
	ts.Check(err)
	z := gzip.NewWriter(f)
	_, err = io.WriteString(z, ts.ReadFile(args[0]))
	ts.Check(errors.Join(err, z.Close(), f.Close()))
}

// scriptCustomers writes customers.csv and orders.csv, N customers who all
// ordered on a day: customers N DAY.
func scriptCustomers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: customers N DAY")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	customers, orders := "id,email\n", "event_id,customer_id,name,occurred_at,total\n"
	for i := range n {
		customers += fmt.Sprintf("%d,c%d@shop.example\n", i, i)
		orders += fmt.Sprintf("o%s-%d,%d,Order Completed,%s,10\n", args[1], i, i, args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs("customers.csv"), []byte(customers), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("orders.csv"), []byte(orders), 0o644))
}
