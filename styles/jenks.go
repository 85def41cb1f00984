package styles

import "math"

// jenksStarts is where each class but the first starts in sorted (ascending) so that the sum over the classes of
// squared deviations from the class mean is least. Equal values count as one weighted value, so that they stay
// together and there are at most as many classes as distinct values.
//
// cost[j] after k rounds is the optimum of the first j+1 values in k+1 classes. The start of the last class never
// moves back as j grows (the cost meets the quadrangle inequality), so each round halves its range of candidates
// like Wang & Song 2011 and Grønlund et al. 2017 do: O(n·m·log m) for m distinct values.
func jenksStarts(sorted []float64, n int) []int {
	p := newMoments(sorted)
	m := len(p.first) - 1
	n = min(n, m)
	cost := make([]float64, m)
	for j := range cost {
		cost[j] = p.within(0, j+1)
	}
	from := make([][]int, n) // from[k][j]: start of the last class of the first j+1 values in k+1 classes
	for k := 1; k < n; k++ {
		next := make([]float64, m)
		from[k] = make([]int, m)
		p.round(cost, next, from[k], k, m-1, k, m-1)
		cost = next
	}
	starts := make([]int, max(n-1, 0))
	for k, j := n-1, m-1; k >= 1; k-- {
		s := from[k][j]
		starts[k-1] = p.first[s]
		j = s - 1
	}
	return starts
}

// moments are running sums over the distinct values of a sorted list: enough for the squared deviation of any run.
type moments struct {
	first      []int     // index in the list of each distinct value, and the list's length
	weight     []float64 // running count
	sum, sumSq []float64 // running sums of the values less their mean: centred, so that little cancels
}

// newMoments sums up a sorted list.
func newMoments(sorted []float64) moments {
	mean := 0.0
	for i, v := range sorted {
		mean += (v - mean) / float64(i+1)
	}
	p := moments{weight: []float64{0}, sum: []float64{0}, sumSq: []float64{0}}
	for i := 0; i < len(sorted); {
		w, v, k := float64(countEqual(sorted[i:])), sorted[i]-mean, len(p.first)
		p.first = append(p.first, i)
		p.weight = append(p.weight, p.weight[k]+w)
		p.sum = append(p.sum, p.sum[k]+w*v)
		p.sumSq = append(p.sumSq, p.sumSq[k]+w*v*v)
		i += int(w)
	}
	p.first = append(p.first, len(sorted))
	return p
}

// within is the squared deviation from their mean of the distinct values i … j-1, with their counts.
func (p moments) within(i, j int) float64 {
	s := p.sum[j] - p.sum[i]
	return max(0, p.sumSq[j]-p.sumSq[i]-s*s/(p.weight[j]-p.weight[i]))
}

// round fills next and from for the ends lo…hi, knowing that the last class of each starts within a…b.
func (p moments) round(cost, next []float64, from []int, lo, hi, a, b int) {
	if lo > hi {
		return
	}
	mid := (lo + hi) / 2
	next[mid] = math.Inf(1)
	for s := a; s <= min(mid, b); s++ {
		if c := cost[s-1] + p.within(s, mid+1); c < next[mid] {
			next[mid], from[mid] = c, s
		}
	}
	p.round(cost, next, from, lo, mid-1, a, from[mid])
	p.round(cost, next, from, mid+1, hi, from[mid], b)
}
