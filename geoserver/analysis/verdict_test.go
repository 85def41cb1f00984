package analysis

import (
	"strings"
	"testing"

	"wangge/grids/risk/predict"
)

// The verdict names the shares of the area at which the index wins and loses, and those alone.
func TestVerdict(t *testing.T) {
	for want, outcomes := range map[string][2]predict.Outcome{
		"In the first 5 % of the area the composite index does better than plain counts, in the first 1 % worse": {predict.Loses, predict.Wins},
		"In the first 1, 5 % of the area the composite index does better":                                        {predict.Wins, predict.Wins},
		"In the first 1 % of the area the composite index does worse":                                            {predict.Loses, predict.Undecided},
		"The events of the test do not tell the composite index and plain counts apart.":                         {predict.Undecided, predict.Undecided},
	} {
		r := &Result{}
		r.verdict(&predict.Comparison{Forecasts: []predict.Forecast{
			{Name: "counts"},
			{Name: "index", At: []predict.Accuracy{{Share: .01}, {Share: .05}}, Versus: []predict.Versus{{Outcome: outcomes[0]}, {Outcome: outcomes[1]}}},
			{Name: "kde", At: []predict.Accuracy{{Share: .01}, {Share: .05}}, Versus: []predict.Versus{{Outcome: predict.Wins}, {Outcome: predict.Loses}}},
		}})
		if got := r.Notes[0].Text.EN; !strings.HasPrefix(got, want) {
			t.Errorf("%v: %s", outcomes, got)
		}
	}
}

// Where no unit is significant the result says what to try; where one is, or the correction is off, it says no more than that.
func TestNothingSignificant(t *testing.T) {
	for _, tt := range []struct {
		classes string
		correct bool
		want    string
	}{{"ns insufficient ns", true, "larger units, or no correction."}, {"ns ns", false, "larger units."}, {"ns hot95", true, ""}} {
		r := &Result{}
		for _, c := range strings.Fields(tt.classes) {
			r.Units = append(r.Units, Unit{Class: c})
		}
		(&job{Request: Request{Correct: tt.correct}}).nothing(r)
		got := ""
		for _, n := range r.Notes {
			got += n.Text.EN
		}
		if (got == "") != (tt.want == "") || !strings.HasSuffix(got, tt.want) {
			t.Errorf("%s: %q", tt.classes, got)
		}
	}
}
