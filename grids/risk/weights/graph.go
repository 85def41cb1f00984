package weights

import (
	"context"
	"slices"
)

// graph lists the neighbours of each unit, ascending, without the unit itself.
type graph [][]int32

func (g graph) sort() {
	for i := range g {
		slices.Sort(g[i])
	}
}

// join makes two units neighbours of each other; the graph stays sorted.
func (g graph) join(i, j int) {
	for _, p := range [][2]int{{i, j}, {j, i}} {
		if at, found := slices.BinarySearch(g[p[0]], int32(p[1])); !found {
			g[p[0]] = slices.Insert(g[p[0]], at, int32(p[1]))
		}
	}
}

// steps is the graph of units that are exactly so many steps apart on the shortest way, or at most so many.
func (g graph) steps(ctx context.Context, order int, cumulative bool) (graph, error) {
	out, links := make(graph, len(g)), 0
	seen := make([]int32, len(g)) // in whose search, plus 1
	for i := range g {
		if err := goOn(ctx, links); err != nil {
			return nil, err
		}
		reached := []int32{int32(i)}
		seen[i] = int32(i) + 1
		begin := 0 // of the last step in reached
		for range order {
			end := len(reached)
			for _, j := range reached[begin:end] {
				for _, k := range g[j] {
					if seen[k] != int32(i)+1 {
						seen[k] = int32(i) + 1
						reached = append(reached, k)
					}
				}
			}
			begin = end
		}
		if cumulative {
			begin = 1
		}
		out[i] = reached[begin:]
		links += len(out[i])
	}
	out.sort()
	return out, nil
}
