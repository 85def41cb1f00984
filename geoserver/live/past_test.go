package live

import (
	"fmt"
	"testing"
	"time"

	"wangge/grids"
)

// What was known of the ground on a day is what a server would have shown on that day, had it had the records of now.
func TestThePastIsWhatAServerShowedThen(t *testing.T) {
	d := chongming(t, 0)
	now := fresh(t, d.view(t))
	s := now.Sight(grids.ClassCommand)
	told := map[string]bool{}
	for _, day := range []time.Time{d.now, d.now.AddDate(0, -3, 0), d.now.AddDate(-1, 0, 7), d.now.AddDate(-20, 0, 0)} {
		then := fresh(t, newView(t, d.Store, func() time.Time { return day })).Sight(grids.ClassCommand).State()
		for _, level := range Levels() {
			past, err := now.Past(t.Context(), s, s.State(), level, grids.DayOf(day))
			if err != nil {
				t.Fatal(err)
			}
			want := then.Units(level)
			if len(past) != len(want) || len(past) == 0 {
				t.Fatalf("%s on %v: %d units, want %d", level, day, len(past), len(want))
			}
			for i, u := range past {
				w := want[i]
				if u.Code != w.Code || u.Survey != w.Survey || u.CertifiedShare != w.CertifiedShare || u.Status != w.Status {
					t.Errorf("%s on %v: survey %v, certified %v, status %q; a server showed %v, %v, %q", u.Code, day, u.Survey, u.CertifiedShare, u.Status, w.Survey, w.CertifiedShare, w.Status)
				}
				if day.Year() < 2010 && (u.Survey.State != "notlooked" || u.CertifiedShare.State != "nodata") {
					t.Errorf("%s on %v, before all records: survey %v, certified %v", u.Code, day, u.Survey, u.CertifiedShare)
				}
				told[fmt.Sprint(level, u.Survey, u.CertifiedShare)] = true
			}
		}
	}
	if len(told) < 100 {
		t.Errorf("only %d different figures: the past is always the same", len(told))
	}
	if past, err := now.Past(t.Context(), now.Sight(grids.ClassGround), s.State(), "grids", grids.DayOf(d.now)); err != nil || past[0].Survey.State != "nodata" {
		t.Errorf("whoever sees the ground alone is told of a survey: %v, %v", past[0].Survey, err)
	}
	was := s.State()
	d.survey(t)
	d.importSurveys(t, grids.SurveyResult{ID: d.id(), GridCode: d.areas[grids.LevelGrids][0].Code, Round: "2026-Q2", Completion: .5, On: grids.DayOf(d.now)})
	if _, err := now.Past(t.Context(), s, was, "grids", grids.DayOf(d.now)); grids.KindOf(err) != grids.Unavailable {
		t.Errorf("the past of other data than the state's: %v", err)
	}
}
