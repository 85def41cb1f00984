package grids

import (
	"encoding/json"
	"time"
)

// RunState is how far an analysis is.
type RunState string

// The states of a run. The last three are for good.
const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunDone      RunState = "done"
	RunFailed    RunState = "failed"
	RunCancelled RunState = "cancelled"
)

// RunStates lists every state.
var RunStates = [...]RunState{RunQueued, RunRunning, RunDone, RunFailed, RunCancelled}

// Over reports whether nothing comes of the run any more.
func (s RunState) Over() bool { return s == RunDone || s == RunFailed || s == RunCancelled }

// Run is an analysis that somebody asked for: what was asked, how far it is, and where its result came from. The result itself is
// kept beside it as bytes; it is for readers of the class by which it was asked alone, because it is made of what that class is told.
type Run struct {
	ID      ID // from the client: the same run may be sent twice
	Class   Class
	Account ID     // who asked; zero at the command line
	Actor   string // name of who asked
	Request json.RawMessage
	Subject Subject // what it looks at
	State   RunState
	Share   float64 // of the work that is done, 0…1
	Problem string  // a sentence of why it failed; "" otherwise
	Data    string  // names the data that the result is made of; "" before
	Hash    string  // of the result's bytes, hexadecimal SHA-256; "" without a result
	AskedAt time.Time
	BegunAt time.Time // zero before
	EndedAt time.Time // zero before
}

// Limits on runs: how many of one account may wait or run at a time, and how many of a class are kept.
const (
	MaxRunsWaiting = 8
	MaxRunsKept    = 300
)
