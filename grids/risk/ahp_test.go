package risk

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
)

// rows reads a file of a case, without its header.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

func parse(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCaseAHP(t *testing.T) {
	matrices := map[string][][]float64{}
	for _, r := range rows(t, "c25_ahp_fdr_small/input_ahp.csv") {
		m := matrices[r[0]]
		if parse(t, r[1]) == float64(len(m)) {
			m = append(m, nil)
		}
		m[len(m)-1] = append(m[len(m)-1], parse(t, r[3]))
		matrices[r[0]] = m
	}
	worst := 0.0
	for _, r := range rows(t, "c25_ahp_fdr_small/expected_ahp.csv") {
		p, err := AHP(matrices[r[0]])
		if err != nil {
			t.Fatal(err)
		}
		got, want := []float64{p.LambdaMax, p.CI, p.CR}, []float64{parse(t, r[2]), parse(t, r[3]), parse(t, r[4])}
		for i, s := range strings.Fields(r[5]) {
			got, want = append(got, p.Weights[i]), append(want, parse(t, s))
		}
		for i := range want {
			worst = max(worst, math.Abs(got[i]-want[i]))
		}
		if p.Consistent != (p.CR < .1) || p.Reason != "" {
			t.Errorf("%s: %+v", r[0], p)
		}
	}
	if t.Logf("worst deviation %.2g", worst); worst > 1e-9 {
		t.Errorf("off by %v", worst)
	}
	if p, _ := AHP(matrices["saaty_house_8"]); p.Consistent {
		t.Error("a ratio of 0.169 is not consistent")
	}
}

func TestAHPByHand(t *testing.T) {
	one, err := AHP([][]float64{{1}})
	if err != nil || one.Weights[0] != 1 || one.CR != 0 || one.Reason != FewCriteria || !one.Consistent || one.LambdaMax != 1 {
		t.Errorf("%+v, %v", one, err)
	}
	pair, err := AHP([][]float64{{1, 3}, {1. / 3, 1}})
	if err != nil || math.Abs(pair.Weights[0]-.75) > 1e-15 || pair.CR != 0 || pair.Reason != FewCriteria {
		t.Errorf("%+v, %v", pair, err)
	}
	// the circle a > b > c > a by 2: weights are equal, λ = 1 + 2 + ½
	circle, err := AHP([][]float64{{1, 2, .5}, {.5, 1, 2}, {2, .5, 1}})
	if err != nil || math.Abs(circle.Weights[1]-1./3) > 1e-15 || math.Abs(circle.LambdaMax-3.5) > 1e-14 || math.Abs(circle.CR-.25/.58) > 1e-14 || circle.Consistent {
		t.Errorf("%+v, %v", circle, err)
	}
	if w := circle.Worst; w.Row == w.Column || w.Implied < .999 || w.Implied > 1.001 {
		t.Errorf("worst %+v", w)
	}
}

func TestAHPRefuses(t *testing.T) {
	for says, m := range map[string][][]float64{
		"0 criteria":                       nil,
		"16 criteria":                      make([][]float64, 16),
		"row 2 of the comparisons":         {{1, 2}, {.5}},
		"row 1, column 2 is 0":             {{1, 0}, {1, 1}},
		"row 2, column 1 is NaN":           {{1, 2}, {math.NaN(), 1}},
		"row 1, column 2 is +Inf":          {{1, math.Inf(1)}, {0, 1}},
		"row 1, column 2 is -2":            {{1, -2}, {-.5, 1}},
		"row 2, column 2 compares":         {{1, 2}, {.5, 2}},
		"row 1, column 3 is 4, and 0.3 in": {{1, 1, 4}, {1, 1, 1}, {.3, 1, 1}},
	} {
		_, err := AHP(m)
		if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// judgements draws a reciprocal matrix.
func judgements(t *rapid.T) [][]float64 {
	n := rapid.IntRange(1, maxCriteria).Draw(t, "n")
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
		m[i][i] = 1
		for j := range i {
			v := rapid.SampledFrom([]float64{1, 2, 3, 5, 9, 1. / 3, 1. / 7, 1000, .001}).Draw(t, "a")
			m[i][j], m[j][i] = v, 1/v
		}
	}
	return m
}

func TestWeightsAreAnEigenvector(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := judgements(t)
		p, err := AHP(m)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(total(p.Weights)-1) > 1e-12 || p.LambdaMax < float64(len(m)) || p.CI < 0 || p.CR < 0 {
			t.Fatalf("%+v", p)
		}
		for i, v := range times(m, p.Weights) {
			if !(p.Weights[i] > 0) || math.Abs(v-p.LambdaMax*p.Weights[i]) > 1e-9*p.LambdaMax*p.Weights[i] {
				t.Fatalf("row %d: %v is not %v times %v", i, v, p.LambdaMax, p.Weights[i])
			}
		}
	})
}

func TestConsistentJudgementsGiveTheirWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SliceOfN(rapid.Float64Range(1, 30), 3, maxCriteria).Draw(t, "w")
		m := make([][]float64, len(w))
		for i := range m {
			for j := range w {
				m[i] = append(m[i], w[i]/w[j])
			}
		}
		p, err := AHP(m)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range p.Weights {
			if math.Abs(v-w[i]/total(w)) > 1e-13 {
				t.Fatalf("weight %d is %v, want %v", i, v, w[i]/total(w))
			}
		}
		if p.CR > 1e-12 || !p.Consistent {
			t.Fatalf("ratio %v", p.CR)
		}
	})
}

func FuzzAHP(f *testing.F) {
	f.Add(3, 1., 2., .5, math.NaN())
	f.Add(2, 1., math.Inf(1), 0., 1.)
	f.Add(15, 1., 1000., .001, 1.)
	f.Fuzz(func(t *testing.T, n int, a, b, c, d float64) {
		if n < 0 || n > 20 {
			return
		}
		m := make([][]float64, n)
		for i := range m {
			for j := range n {
				m[i] = append(m[i], []float64{a, b, c, d}[(i*j+2*j)%4])
			}
			m[i][i] = a
			for j := range i {
				m[i][j] = c
				m[j][i] = b
			}
		}
		p, err := AHP(m)
		if err == nil {
			_, err = json.Marshal(p)
		} else if grids.KindOf(err) == grids.Invalid {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
