// Package cli is the command line: one file per command. It wires the other
// packages together and holds no rule of its own.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"tidings/internal/config"
)

// Exit codes: see the README's table of commands.
const (
	exitDone   = 0
	exitNo     = 1 // the answer is no: check found errors
	exitUsage  = 2
	exitFailed = 3
)

// commands is the whole command line.
type commands struct {
	Workspace   string `help:"Folder with tidings.yaml, campaigns, segments and templates." placeholder:"DIR" short:"w"`
	DatabaseURL string `help:"postgres://… or sqlite:PATH; wins over DATABASE_URL." placeholder:"URL" name:"database-url"`
	JSON        bool   `help:"Print one JSON document and nothing else." name:"json"`

	Demo         demoCmd         `cmd:"" help:"Show it all: a shop's real history, played fast, with an inbox and a report to look at."`
	Init         initCmd         `cmd:"" help:"Write a small workspace to start from."`
	Check        checkCmd        `cmd:"" help:"Say what is in the workspace, or all that is wrong with it."`
	Import       importCmd       `cmd:"" help:"Take in customers or events from a CSV or NDJSON file."`
	Test         testCmd         `cmd:"" help:"Play the tests beside the campaigns, on a clock of their own."`
	Preview      previewCmd      `cmd:"" help:"Show a mail as it would be sent; in the browser with --serve, all of them with --all."`
	Tick         tickCmd         `cmd:"" help:"Evaluate every campaign once and queue what is due."`
	Plan         planCmd         `cmd:"" help:"Say what the next tick would do, without doing it."`
	Backtest     backtestCmd     `cmd:"" help:"Say what a campaign would have done in the past: who, how many mails, and who buys anyway."`
	Explain      explainCmd      `cmd:"" help:"Say why a customer gets a campaign, or does not."`
	Segments     segmentsCmd     `cmd:"" help:"List the segments and their sizes."`
	Segment      segmentCmd      `cmd:"" help:"Say who is in a segment, and how its size went."`
	Report       reportCmd       `cmd:"" help:"Say what campaigns did."`
	Consents     consentsCmd     `cmd:"" help:"Say what a customer has said about topics: when, where, by which words."`
	Customer     customerCmd     `cmd:"" help:"All that is stored of one customer: show, export, erase."`
	Release      releaseCmd      `cmd:"" help:"Let in, once, what the fuse holds of a campaign."`
	Queue        queueCmd        `cmd:"" help:"Say what every open mail waits for, and let it go, send it again or cancel it."`
	Pause        pauseCmd        `cmd:"" help:"Stop a campaign at once, whatever its file says, until resume."`
	Resume       resumeCmd       `cmd:"" help:"Let a paused campaign go on."`
	MJML         mjmlCmd         `cmd:"" name:"mjml" help:"Print the HTML of an MJML file, or all that is wrong with it."`
	Doctor       doctorCmd       `cmd:"" help:"Look whether what is stored is as it must be; with a domain, whether its mail is taken."`
	Inbound      inboundCmd      `cmd:"" help:"Take a mail that has come back: a bounce, a complaint, a reply."`
	Suppressions suppressionsCmd `cmd:"" help:"The addresses that get no mail: list, look up, add, remove, import, export."`
	Webhooks     webhooksCmd     `cmd:"" help:"Say which webhooks of mail providers are set up, and what has come by them."`
	Dkim         dkimCmd         `cmd:"" name:"dkim" help:"Make the keys that sign mails, and say what DNS must have of them."`
	Grade        gradeCmd        `cmd:"" help:"Say of each hit on standard input whether a person was there."`
	Regrade      regradeCmd      `cmd:"" help:"Grade the opens and clicks that are stored by the present rules."`
	Run          runCmd          `cmd:"" help:"Web, scheduler and worker in one process."`
	Web          webCmd          `cmd:"" help:"Take events in, track mails, show the report."`
	Scheduler    schedulerCmd    `cmd:"" help:"Evaluate campaigns and queue what is due, until stopped."`
	Worker       workerCmd       `cmd:"" help:"Send what is queued, until stopped."`
	Bench        benchCmd        `cmd:"" help:"Measure on this machine."`
	Migrate      migrateCmd      `cmd:"" help:"Create or update the database's tables."`
	Schema       schemaCmd       `cmd:"" help:"Write the JSON Schemas that editors complete the workspace's files by."`
}

// runtime is what every command gets.
type runtime struct {
	ctx            context.Context
	cfg            config.Config
	json           bool
	answered       bool // the one document of --json is out
	stdout, stderr io.Writer
	log            *slog.Logger
	example        fs.FS
	terminal       bool   // of stderr
	who            string // works here, for the audit log
}

// exitError ends a command with a code; its text, if any, is for the user.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// Main runs the command that args name and returns its exit code. example is the
// workspace that the demo shows.
func Main(args []string, stdout, stderr io.Writer, getenv func(string) string, example fs.FS) int {
	// A second signal finds the first one's shutdown under way and changes nothing.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, stdout, stderr, getenv, example)
}

// Run is Main under a given context.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string, example fs.FS) int {
	var cmd commands
	exited := -1
	parser, err := kong.New(&cmd,
		kong.Name("tidings"), kong.Description("Lifecycle email as code."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "tidings:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	// What cannot be read may still have asked for JSON.
	rt := &runtime{
		ctx: ctx, json: cmd.JSON || slices.Contains(args, "--json"),
		stdout: stdout, stderr: stderr, example: example, terminal: isTerminal(stderr),
		who: whoWorks(getenv),
	}
	if err != nil {
		return rt.exit(usage("%s\nsee `tidings --help`", parserSays(err)))
	}
	cfg, err := config.Load(getenv)
	if err != nil {
		return rt.exit(usage("the environment is not right:\n%v", err))
	}
	if err := armFaults(cfg, getenv("TIDINGS_FAULT")); err != nil {
		return rt.exit(err)
	}
	if cmd.DatabaseURL != "" {
		cfg.DatabaseURL = cmd.DatabaseURL
	}
	if cmd.Workspace != "" {
		cfg.Workspace = cmd.Workspace
	}
	rt.cfg = cfg
	rt.log = newLogger(stderr, logLevel(cfg, getenv, parsed.Command()), rt.terminal)
	return rt.exit(parsed.Run(rt))
}

// logLevel is LOG_LEVEL. Without it the commands that a person waits for say
// what went wrong and no more: their answer is on standard output.
func logLevel(cfg config.Config, getenv func(string) string, command string) slog.Level {
	verb, _, _ := strings.Cut(command, " ")
	switch verb {
	case "demo", "run", "web", "scheduler", "worker":
		return cfg.LogLevel
	}
	if getenv("LOG_LEVEL") != "" {
		return cfg.LogLevel
	}
	return slog.LevelWarn
}

// exit prints an error for a person, and for a script that reads JSON when it
// has had no answer yet, and gives its code.
func (rt *runtime) exit(err error) int {
	if err == nil {
		return exitDone
	}
	code, text := exitFailed, err.Error()
	var e *exitError
	switch {
	case errors.As(err, &e):
		code, text = e.code, e.text
	case rt.ctx.Err() != nil && errors.Is(err, context.Canceled):
		text = "stopped"
	}
	if text != "" {
		fmt.Fprintln(rt.stderr, "tidings:", text)
	}
	if rt.json && !rt.answered {
		if err := rt.printJSON(map[string]string{"error": text}); err != nil {
			return exitFailed
		}
	}
	return code
}
