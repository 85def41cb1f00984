package demo

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"wangge/grids"
)

// rounds is how many quarterly rounds there are: two years, the last one under way today.
const rounds = 8

// What share of the grids nobody looked at, in an older round and in the latest.
const (
	notLooked       = 0.03
	notLookedLatest = 0.12
)

// writeSurveys writes a row for each grid that was looked at, and one for each of its villages, round by round. The
// answers are totals of the grid and stand in its row alone, so that no total counts them twice; they end in _needs,
// the number of requests noted, and tell nothing of who made them.
func writeSurveys(w io.Writer, o Options) error {
	r := o.random(surveyStream)
	all := features[properties]("grids_synthetic")
	s := surveyRows{r: r}
	s.b.WriteString("id,grid_code,village_code,round,completion,date,jobs_needs,aid_needs,medical_needs,schooling_needs,synthetic\n")
	for n := rounds - 1; n >= 0; n-- {
		s.turn(o.Today, n)
		for _, g := range all {
			if r.Float64() >= s.missed {
				s.grid(g.Properties.Code, g.Properties.Units)
			}
		}
	}
	_, err := io.WriteString(w, s.b.String())
	return err
}

// surveyRows writes the rows of the surveys.
type surveyRows struct {
	b  strings.Builder
	r  *rand.Rand
	id int

	round       string
	first, last grids.Day // days on which the round's figures were taken
	progress    float64   // how far the round has come, 0…1
	missed      float64   // share of grids nobody looked at
}

// turn goes to the round that lies ago quarters before today's.
func (s *surveyRows) turn(today grids.Day, ago int) {
	t := today.Date()
	quarter := t.Year()*4 + int(t.Month()-1)/3 - ago
	start := grids.DayFrom(quarter/4, time.Month(quarter%4*3+1), 1)
	end := grids.DayFrom(quarter/4, time.Month(quarter%4*3+4), 1) - 1
	s.round = fmt.Sprintf("%d-Q%d", quarter/4, quarter%4+1)
	s.missed, s.progress = notLooked, 1
	s.last = min(end, today)
	if ago == 0 {
		s.missed, s.progress = notLookedLatest, float64(today-start+1)/float64(end-start+1)
	}
	s.first = max(start, s.last-20)
}

// grid writes the rows of a grid and its villages. Most are done when the round is; some lag behind.
func (s *surveyRows) grid(code string, villages []string) {
	pace := 0.85 + 0.35*s.r.Float64()
	if s.r.Float64() < 0.15 {
		pace *= 0.3 + 0.5*s.r.Float64()
	}
	done := math.Round(100*min(1, pace*s.progress)) / 100
	day := s.first + grids.Day(s.r.IntN(int(s.last-s.first)+1))
	s.row(code, "", done, day)
	for _, mean := range [...]float64{4, 2.5, 3, 1.2} {
		fmt.Fprintf(&s.b, ",%d", int(math.Round(s.r.ExpFloat64()*mean*done)))
	}
	s.b.WriteString(",true\n")
	for _, v := range villages {
		s.row("", v, done, day)
		s.b.WriteString(",,,,,true\n")
	}
}

// row writes the columns before the answers.
func (s *surveyRows) row(grid, village string, done float64, day grids.Day) {
	s.id++
	fmt.Fprintf(&s.b, "demo-s%05d,%s,%s,%s,%.2f,%s", s.id, grid, village, s.round, done, day)
}
