package risk

import (
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// maxCriteria is the largest number of criteria with a random index.
const maxCriteria = 15

// randomIndex is the mean consistency index of random matrices by the number of criteria (Saaty 1980, table 1-4).
func randomIndex(n int) float64 {
	return [maxCriteria + 1]float64{0, 0, 0, .58, .90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59}[n]
}

// tolerable is the consistency ratio from which judgements are inconsistent.
const tolerable = .1

// Judgement is one entry of a matrix of comparisons beside what the weights make of it.
type Judgement struct {
	Row     int     `json:"row"` // from 0
	Column  int     `json:"column"`
	Given   float64 `json:"given"`
	Implied float64 `json:"implied"` // w[row]/w[column]
}

// Priorities is the outcome of an analytic hierarchy process.
type Priorities struct {
	Meta       stat.Meta `json:"meta"`
	Weights    []float64 `json:"weights"` // of the criteria, sum 1
	LambdaMax  float64   `json:"lambda_max"`
	CI         float64   `json:"ci"`               // consistency index (λmax − n)/(n − 1)
	CR         float64   `json:"cr"`               // consistency ratio CI/RI
	Consistent bool      `json:"consistent"`       // CR < 0.1; else the judgements should be looked at again
	Reason     string    `json:"reason,omitempty"` // why CR says nothing: "fewer-than-3-criteria"
	Worst      Judgement `json:"worst"`            // of the upper triangle, the one furthest from its weights: the first to look at again
}

// FewCriteria is the reason of a consistency ratio of 0 for one or two criteria, which cannot contradict each other.
const FewCriteria = "fewer-than-3-criteria"

// AHP gives criteria their weights by pairwise comparison: a[i][j] says how many times more criterion i counts than j, on Saaty's scale 1 to 9
// and its reciprocals. The weights are the principal eigenvector (Saaty 1977, 1980), found by squaring the matrix again and again, which has
// positive entries only, so that nothing cancels. Inconsistent judgements are told and not refused. The error is Invalid, with row and column
// counted from 1: a matrix that is not square, of none or more than 15 criteria, an entry that is not above 0 (1/1000 to 1000), a diagonal that
// is not 1, or entries that are not reciprocal (to 1e-6).
func AHP(a [][]float64) (*Priorities, error) {
	if err := checkJudgements(a); err != nil {
		return nil, err
	}
	n := len(a)
	p := &Priorities{Meta: stat.Meta{Method: "ahp", Version: "1", Source: "Saaty 1977; Saaty 1980 (random index of table 1-4)", Used: n,
		Params: map[string]any{"criteria": n, "random_index": randomIndex(n), "tolerable_cr": tolerable}}}
	p.Weights = principal(a)
	p.LambdaMax = growth(a, p.Weights)
	if n < 3 {
		p.LambdaMax, p.Consistent, p.Reason = float64(n), true, FewCriteria
	} else {
		p.LambdaMax = max(p.LambdaMax, float64(n)) // it is n or more; below is rounding
		p.CI = (p.LambdaMax - float64(n)) / float64(n-1)
		p.CR = p.CI / randomIndex(n)
		p.Consistent = p.CR < tolerable
	}
	p.Worst = worstJudgement(a, p.Weights)
	return p, nil
}

// checkJudgements reports what is wrong with a matrix of comparisons. The error is Invalid.
func checkJudgements(a [][]float64) error {
	n := len(a)
	if n < 1 || n > maxCriteria {
		return grids.Errorf(grids.Invalid, "there are %d criteria to compare: 1 to %d can be, group more into a hierarchy", n, maxCriteria)
	}
	for i, row := range a {
		if len(row) != n {
			return grids.Errorf(grids.Invalid, "row %d of the comparisons has %d entries, there are %d criteria", i+1, len(row), n)
		}
		for j, v := range row {
			if !(v >= .999e-3 && v <= 1001) {
				return grids.Errorf(grids.Invalid, "the comparison in row %d, column %d is %v: give 1 to 9, or one over it", i+1, j+1, v)
			}
		}
	}
	for i, row := range a {
		if math.Abs(row[i]-1) > 1e-6 {
			return grids.Errorf(grids.Invalid, "row %d, column %d compares a criterion with itself and is %v: it must be 1", i+1, i+1, row[i])
		}
		for j := i + 1; j < n; j++ {
			if math.Abs(row[j]*a[j][i]-1) > 1e-6 {
				return grids.Errorf(grids.Invalid, "the comparison in row %d, column %d is %v, and %v in row %d, column %d: one must be one over the other, here %v",
					i+1, j+1, row[j], a[j][i], j+1, i+1, 1/row[j])
			}
		}
	}
	return nil
}

// principal is the principal eigenvector of a matrix of positive entries, with sum 1: the row sums of its high powers.
func principal(a [][]float64) []float64 {
	n := len(a)
	power := make([][]float64, n)
	for i := range power {
		power[i] = append([]float64(nil), a[i]...)
	}
	w := shareOut(power)
	for range 50 { // the power 2^50
		power = square(power)
		next, change := shareOut(power), 0.0
		for i := range w {
			change = max(change, math.Abs(next[i]-w[i])/next[i])
		}
		w = next
		if change < 1e-15 {
			break
		}
	}
	for range 3 { // what the squares rounded, the matrix itself puts right
		w = times(a, w)
		divide(w, total(w))
	}
	return w
}

// growth is the eigenvalue of an eigenvector with sum 1.
func growth(a [][]float64, w []float64) float64 { return total(times(a, w)) }

// square is the matrix times itself, with the largest entry 1.
func square(a [][]float64) [][]float64 {
	out, largest := make([][]float64, len(a)), 0.0
	for i := range a {
		out[i] = make([]float64, len(a))
		for j := range a {
			for k := range a {
				out[i][j] += a[i][k] * a[k][j]
			}
			largest = max(largest, out[i][j])
		}
	}
	for i := range out {
		divide(out[i], largest)
	}
	return out
}

// shareOut is the row sums over their sum.
func shareOut(a [][]float64) []float64 {
	w := make([]float64, len(a))
	for i, row := range a {
		w[i] = total(row)
	}
	divide(w, total(w))
	return w
}

// times is the matrix times a vector.
func times(a [][]float64, w []float64) []float64 {
	out := make([]float64, len(w))
	for i, row := range a {
		for j, v := range row {
			out[i] += v * w[j]
		}
	}
	return out
}

// total is the sum of a list.
func total(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum
}

// divide divides a list in place.
func divide(v []float64, by float64) {
	for i := range v {
		v[i] /= by
	}
}

// worstJudgement is the entry above the diagonal that is furthest, by ratio, from what the weights make of it.
func worstJudgement(a [][]float64, w []float64) Judgement {
	worst, off := Judgement{Row: 0, Column: 0, Given: 1, Implied: 1}, 1e-9
	for i, row := range a {
		for j := i + 1; j < len(a); j++ {
			if d := math.Abs(math.Log(row[j] * w[j] / w[i])); d > off {
				worst, off = Judgement{i, j, row[j], w[i] / w[j]}, d
			}
		}
	}
	return worst
}
