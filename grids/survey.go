package grids

// SurveyResult is what one round of the rolling survey (滚动调查) brought in for a grid or a village: how much of it
// is done, and numeric answers. Answers are totals of a place, never of a person.
type SurveyResult struct {
	ID          ID
	GridCode    Code // exactly one of GridCode and VillageCode
	VillageCode Code
	Round       string  // such as 2025-Q3
	Completion  float64 // share done, 0…1
	On          Day     // the day the figures were taken
	Answers     map[string]float64
	Synthetic   bool
}
