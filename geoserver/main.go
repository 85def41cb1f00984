// Command wangge is the grid server of a district's drug-prevention office: it holds grids in PostGIS, indexes them
// with H3, and serves vector tiles, figures and a web map.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"wangge/grids"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// commands is the command line.
type commands struct {
	Serve   serveCmd   `cmd:"" help:"Start the server."`
	Import  importCmd  `cmd:"" help:"Check a file and store it."`
	Demo    demoCmd    `cmd:"" help:"Load the Chongming territory and synthetic data."`
	Check   checkCmd   `cmd:"" help:"Check the stored territory for gaps, overlaps and overhangs."`
	User    userCmd    `cmd:"" help:"Look after accounts."`
	Audit   auditCmd   `cmd:"" help:"Look after the audit log."`
	Bench   benchCmd   `cmd:"" help:"Measure the server on this machine."`
	Config  configCmd  `cmd:"" help:"Print the configuration, secrets masked."`
	OpenAPI openAPICmd `cmd:"" name:"openapi" help:"Print the description of the API."`
	Version versionCmd `cmd:"" help:"Print the version."`

	Settings config `embed:""`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit status. 1 is a failure or an audit log with damage, 2 a
// command that makes no sense, 3 a file that was refused or a territory with damage.
func run(ctx context.Context, args []string) int {
	var c commands
	parser, err := kong.New(&c, kong.Name("wangge"), kong.UsageOnError(),
		kong.Description("Grids, vector tiles and risk maps for drug prevention in a district. Every option can be set in the environment, too."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Vars{"version": version})
	if err != nil {
		fmt.Fprintln(os.Stderr, "wangge:", err)
		return 1
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wangge:", err)
		return 2
	}
	err = k.Run(&c.Settings)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errRefused):
		return 3
	case errors.Is(err, context.Canceled):
		return 130
	}
	fmt.Fprintln(os.Stderr, "wangge:", explain(err))
	return 1
}

// explain is an error for a person at a terminal: the sentence, and the cause below it where there is one.
func explain(err error) string {
	var e *grids.Error
	if errors.As(err, &e) && e.Err != nil {
		return fmt.Sprintf("%s\n  cause: %v", e.Msg, e.Err)
	}
	return err.Error()
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("wangge", version)
	return nil
}
