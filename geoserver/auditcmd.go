package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"wangge/grids"
)

// headsFile is the file of the data folder that keeps the heads of the audit log.
const headsFile = "audit-heads.txt"

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check that the audit log is whole: no row altered, dropped or put elsewhere."`
}

type auditVerifyCmd struct {
	Heads string `help:"File of kept heads to hold the log against (default: audit-heads.txt in the data folder, if it is there)." type:"path" placeholder:"FILE"`
}

// Run verifies the audit log. The error is Conflict when it is damaged.
func (c *auditVerifyCmd) Run(ctx context.Context, conf *config) (err error) {
	heads, from, err := c.kept(conf)
	if err != nil {
		return err
	}
	db, err := conf.open(ctx, conf.quiet(), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	v, err := db.VerifyAudit(ctx, heads...)
	if err != nil {
		return err
	}
	fmt.Printf("audit log of %d: %d rows, %d whole", v.District, v.Rows, v.Whole)
	if from != "" {
		fmt.Printf("; held against %d heads of %s", len(heads), from)
	}
	fmt.Printf("\nhead: %s\n", v.Head)
	for _, f := range v.Flaws {
		t := f.Message()
		fmt.Printf("  %-8s %s / %s\n", f.Damage, t.EN, t.ZH)
	}
	if len(v.Flaws) > 0 {
		return grids.Errorf(grids.Conflict, "the audit log is damaged: keep the database as it is, and compare it with a backup")
	}
	return nil
}

// kept reads the file of heads; from is its path, "" when none was named and there is none in the data folder.
func (c *auditVerifyCmd) kept(conf *config) (heads []grids.AuditHead, from string, err error) {
	from = c.Heads
	if from == "" {
		from = filepath.Join(conf.Data, headsFile)
	}
	f, err := os.Open(from) // #nosec G304 -- the operator names it
	if errors.Is(err, os.ErrNotExist) && c.Heads == "" {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", grids.Hide(grids.Invalid, err, "the file of heads %s cannot be read", from)
	}
	defer func() { _ = f.Close() }() // only read
	heads, err = grids.ParseAuditHeads(f)
	return heads, from, err
}

// keepHeads keeps the heads of the audit log in the data folder while the server runs; the function that it returns ends that.
func keepHeads(ctx context.Context, conf *config, db *database, log *slog.Logger) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.KeepHeads(ctx, filepath.Join(conf.Data, headsFile), log)
	}()
	return func() { stop(); <-done }
}
