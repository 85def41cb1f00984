package accounts

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"wangge/grids"
)

// needKey is where an operation keeps what it needs.
const needKey = "need"

// Needs is the operation with what it needs. [NeedOf] reads it.
func Needs(need Need, op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{needKey: need}
	return op
}

// NeedOf is what an operation needs; "" when that was not said.
func NeedOf(op *huma.Operation) Need {
	need, _ := op.Metadata[needKey].(Need)
	return need
}

// Own reports whether an address is one of this package: its answers come out of the store, not out of the server's memory.
func Own(path string) bool {
	rest, ok := strings.CutPrefix(path, "/api/")
	if !ok {
		return false
	}
	noun, _, _ := strings.Cut(rest, "/")
	switch noun {
	case "sign-in", "session", "sessions", "password", "purpose", "tokens", "accounts", "view-as", "audit", "audit.csv":
		return true
	}
	return false
}

// Register lists the operations on accounts, sessions, tokens and the audit log.
func (a *Accounts) Register(api huma.API) {
	const (
		get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
		accounts       = Need(grids.ManageAccounts)
		audit          = Need(grids.ReadAudit)
	)
	op := func(need Need, method, path, id, summary string) huma.Operation {
		return Needs(need, huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: 64 << 10})
	}
	huma.Register(api, op(Open, get, "/api/sign-in", "sign-in-page", "What the page to sign in shows"), a.signInPage)
	huma.Register(api, op(Open, post, "/api/session", "sign-in", "Sign in"), a.signIn)
	huma.Register(api, op(Self, get, "/api/session", "me", "Who is signed in"), a.whoAmI)
	huma.Register(api, op(Leaving, del, "/api/session", "sign-out", "Sign out"), a.signOut)
	huma.Register(api, op(Leaving, post, "/api/password", "change-password", "Change the own password"), a.changePassword)
	huma.Register(api, op(InPerson, get, "/api/sessions", "sessions", "The own sessions"), a.sessions)
	huma.Register(api, op(Leaving, del, "/api/sessions", "sign-out-everywhere", "Sign out everywhere"), a.signOutEverywhere)
	huma.Register(api, op(InPerson, del, "/api/sessions/{id}", "end-session", "End an own session"), a.endSession)
	huma.Register(api, op(InPerson, post, "/api/purpose", "set-purpose", "Say what the session is for"), a.setPurpose)
	huma.Register(api, op(InPerson, get, "/api/tokens", "tokens", "The own tokens"), a.tokens)
	huma.Register(api, op(InPerson, post, "/api/tokens", "make-token", "Make a token"), a.makeToken)
	huma.Register(api, op(InPerson, del, "/api/tokens/{id}", "revoke-token", "Revoke an own token"), a.revokeToken)
	huma.Register(api, op(Need(grids.ViewAs), post, "/api/view-as", "view-as", "See what another role sees"), a.viewAs)
	huma.Register(api, op(Leaving, del, "/api/view-as", "end-view-as", "See what one sees oneself"), a.endViewAs)
	huma.Register(api, op(accounts, get, "/api/accounts", "accounts", "Every account"), a.list)
	huma.Register(api, op(accounts, post, "/api/accounts", "add-account", "Make an account"), a.add)
	huma.Register(api, op(accounts, post, "/api/accounts/{id}/disable", "disable-account", "Let an account in no more"), a.disable)
	huma.Register(api, op(accounts, post, "/api/accounts/{id}/enable", "enable-account", "Let an account in again"), a.enable)
	huma.Register(api, op(accounts, post, "/api/accounts/{id}/reset", "reset-password", "Give an account a new first password"), a.reset)
	huma.Register(api, op(accounts, post, "/api/accounts/{id}/sign-out", "sign-out-account", "End the sessions of an account"), a.signOutOther)
	huma.Register(api, op(accounts, post, "/api/accounts/{id}/grants", "grant", "Give a role in an area"), a.grant)
	huma.Register(api, op(accounts, del, "/api/accounts/{id}/grants/{grant}", "revoke", "Take a role away"), a.revoke)
	huma.Register(api, op(audit, get, "/api/audit", "audit", "Who did and saw what"), a.audit)
	huma.Register(api, op(audit, get, "/api/audit.csv", "audit-csv", "The same as a table"), a.auditCSV)
}
