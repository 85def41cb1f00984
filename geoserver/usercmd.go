package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"wangge/geoserver/accounts"
	"wangge/grids"
)

// userCmd looks after accounts at the terminal. What it does stands in the audit log as the operator's.
type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Make an account and print the password for its first sign-in."`
	Disable userDisableCmd `cmd:"" help:"Let an account in no more, and end its sessions."`
	Enable  userEnableCmd  `cmd:"" help:"Let an account in again."`
	Reset   userResetCmd   `cmd:"" help:"Give an account a new password for its next sign-in and print it."`
	Grant   userGrantCmd   `cmd:"" help:"Give an account a role in an area."`
	Revoke  userRevokeCmd  `cmd:"" help:"Take a grant away."`
	List    userListCmd    `cmd:"" help:"List the accounts with their grants."`
}

// users is an open store for a command on accounts.
type users struct {
	*database
	accounts *accounts.Accounts
}

// withUsers opens the store, the running server's when there is one, for f.
func withUsers(ctx context.Context, conf *config, f func(u users) error) (err error) {
	log := conf.quiet()
	db, err := conf.open(ctx, log, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	return f(users{db, accounts.New(accounts.Options{Store: db.Store, Log: log})})
}

// withUser is withUsers for what is done to one account.
func withUser(ctx context.Context, conf *config, name string, f func(u users, a grids.Account) error) error {
	return withUsers(ctx, conf, func(u users) error {
		a, _, err := u.AccountNamed(ctx, name)
		if err != nil {
			return err
		}
		return f(u, a)
	})
}

// grantFlags say what a grant gives.
type grantFlags struct {
	Level string    `help:"Level of the area: ${enum}." default:"district" enum:"district,towns,villages,grids"`
	Code  string    `help:"Code of the area; none for the district."`
	From  time.Time `help:"When it begins (default: now)." format:"2006-01-02" placeholder:"DAY"`
	Until time.Time `help:"The day at whose beginning it ends (default: never)." format:"2006-01-02" placeholder:"DAY"`
}

// grant is the grant of a role. Days begin at midnight in Asia/Shanghai.
func (g grantFlags) grant(role string) (grids.Grant, error) {
	out := grids.Grant{ID: grids.NewID(), Role: grids.Role(role), Scope: grids.Scope{Level: grids.Level(g.Level), Code: g.Code}, From: time.Now()}
	if !g.From.IsZero() {
		out.From = inShanghai(g.From)
	}
	if !g.Until.IsZero() {
		out.Until = inShanghai(g.Until)
	}
	return out, out.Check()
}

func inShanghai(day time.Time) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, grids.Shanghai)
}

type userAddCmd struct {
	Name       string `arg:"" help:"Name to sign in with."`
	Display    string `help:"Name to show (default: the name)."`
	Role       string `help:"Give this role at once: commander, town-duty, patrol, reviewer, village-officer, grid-admin, auditor, system-admin or volunteer."`
	grantFlags `embed:""`
}

// Run makes an account.
func (c *userAddCmd) Run(ctx context.Context, conf *config) error {
	account := grids.Account{Name: c.Name, Display: c.Display}
	if account.Display == "" {
		account.Display = c.Name
	}
	if c.Role != "" {
		g, err := c.grant(c.Role)
		if err != nil {
			return err
		}
		account.Grants = []grids.Grant{g}
	}
	return withUsers(ctx, conf, func(u users) error {
		_, password, err := u.accounts.Add(ctx, grids.Operator, account)
		if err == nil {
			printPassword(os.Stdout, c.Name, password)
		}
		return err
	})
}

// printPassword shows a password, once.
func printPassword(w io.Writer, name, password string) {
	fmt.Fprintf(w, "%s can sign in with the password %s and must change it then. It is not shown again.\n", name, password)
}

type userDisableCmd struct {
	Name string `arg:"" help:"Name of the account."`
}

// Run disables an account.
func (c *userDisableCmd) Run(ctx context.Context, conf *config) error {
	return withUser(ctx, conf, c.Name, func(u users, a grids.Account) error { return u.SetDisabled(ctx, grids.Operator, a.ID, true) })
}

type userEnableCmd struct {
	Name string `arg:"" help:"Name of the account."`
}

// Run enables an account.
func (c *userEnableCmd) Run(ctx context.Context, conf *config) error {
	return withUser(ctx, conf, c.Name, func(u users, a grids.Account) error { return u.SetDisabled(ctx, grids.Operator, a.ID, false) })
}

type userResetCmd struct {
	Name string `arg:"" help:"Name of the account."`
}

// Run gives a new password.
func (c *userResetCmd) Run(ctx context.Context, conf *config) error {
	return withUser(ctx, conf, c.Name, func(u users, a grids.Account) error {
		password, err := u.accounts.Reset(ctx, grids.Operator, a.ID)
		if err == nil {
			printPassword(os.Stdout, a.Name, password)
		}
		return err
	})
}

type userGrantCmd struct {
	Name       string `arg:"" help:"Name of the account."`
	Role       string `arg:"" help:"Role: commander, town-duty, patrol, reviewer, village-officer, grid-admin, auditor, system-admin or volunteer."`
	grantFlags `embed:""`
}

// Run gives a role.
func (c *userGrantCmd) Run(ctx context.Context, conf *config) error {
	g, err := c.grant(c.Role)
	if err != nil {
		return err
	}
	return withUser(ctx, conf, c.Name, func(u users, a grids.Account) error { return u.AddGrant(ctx, grids.Operator, a.ID, g) })
}

type userRevokeCmd struct {
	Name  string `arg:"" help:"Name of the account."`
	Grant string `arg:"" help:"Id of the grant, as list shows it."`
}

// Run takes a grant away.
func (c *userRevokeCmd) Run(ctx context.Context, conf *config) error {
	id, err := grids.ParseID(c.Grant)
	if err != nil {
		return err
	}
	return withUser(ctx, conf, c.Name, func(u users, a grids.Account) error { return u.Revoke(ctx, grids.Operator, a.ID, id) })
}

type userListCmd struct{}

// Run lists the accounts.
func (userListCmd) Run(ctx context.Context, conf *config) error {
	return withUsers(ctx, conf, func(u users) error {
		list, err := u.Accounts(ctx)
		if err != nil {
			return err
		}
		return printAccounts(os.Stdout, list)
	})
}

// printAccounts writes a line an account and one a grant.
func printAccounts(to io.Writer, list []grids.Account) error {
	w := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	for _, a := range list {
		marks := ""
		for _, m := range []struct {
			is   bool
			text string
		}{{a.Disabled, " disabled"}, {a.Demo, " demo"}, {a.MustChange, " must-change-password"}} {
			if m.is {
				marks += m.text
			}
		}
		fmt.Fprintf(w, "%s\t%s%s\n", a.Name, a.Display, marks)
		for _, g := range a.Grants {
			until := ""
			if !g.Until.IsZero() {
				until = " until " + g.Until.In(grids.Shanghai).Format(time.DateTime)
			}
			fmt.Fprintf(w, "  %s\t%s %s %s, from %s%s\n", g.ID, g.Role, g.Scope.Level, g.Scope.Code, g.From.In(grids.Shanghai).Format(time.DateTime), until)
		}
	}
	return w.Flush()
}
