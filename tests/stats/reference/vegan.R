# Reference values of tests/stats/test_vegan.py: Rscript vegan.R > vegan.json
# R 4.2.2, vegan 2.6-4 (Debian's r-cran-vegan)
suppressPackageStartupMessages(library(vegan))
set.seed(1)
sizes <- c(12, 9, 15)
group <- rep(0:2, sizes)
i <- seq_along(group)
x <- sapply(1:4, function(j) sin(1.7 * i + 3.1 * j + i * j / 7) * (1 + 0.12 * group) + 0.5 * group)
distances <- dist(x)
number <- function(values) paste0("[", paste(formatC(values, digits = 12, format = "g", width = 1), collapse = ", "), "]")
adonis <- adonis2(distances ~ factor(group), permutations = 99999)
entries <- c(
  f = number(adonis$F[1]), r2 = number(adonis$R2[1]), pval = number(adonis[["Pr(>F)"]][1])
)
for (type in c("median", "centroid")) {
  dispersion <- betadisper(distances, factor(group), type = type)
  test <- permutest(dispersion, permutations = 99999)$tab
  entries <- c(entries, setNames(
    c(number(test$F[1]), number(test[["Pr(>F)"]][1]), number(dispersion$group.distances)),
    paste0(type, c("_f", "_pval", "_dispersion"))
  ))
}
adjusted <- betadisper(distances, factor(group), type = "centroid", bias.adjust = TRUE)
entries <- c(entries, adjusted_f = number(anova(adjusted)$F[1]))
cat(paste0("{", paste0('"', names(entries), '": ', entries, collapse = ",\n "), "}\n"))
