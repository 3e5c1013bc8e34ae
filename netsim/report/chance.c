#include "netsim/report/chance.h"

#include <math.h>

#define PI        3.14159265358979323846
#define DRAWS     4294967296.0 /* a draw's values */
#define REST      1e-8         /* of the coefficients' bound, where the series is cut */
#define TERMS_MAX 4000000

/* The distribution function F of settled draws and its integral H, at x in [0, 1]. */
struct point {
    double x, f, h;
};

static double sinc(double z)
{
    return fabs(z) < 1e-6 ? 1 - z * z / 6 : sin(z) / z;
}

/* The n-th coefficient, and a bound on it and all later ones. */
static double coefficient(double n, double rho, double *bound)
{
    double product = 1, z = PI * n * (1 - rho);

    *bound = 1;
    while (z > 1e-5) {
        product *= sinc(z);
        if (z > 1)
            *bound /= z;
        if (*bound < REST)
            return product;
        z *= rho;
    }
    return product;
}

static void evaluate(struct point *points, int count, double rho)
{
    double bound = 1;

    for (int i = 0; i < count; i++) {
        double y = points[i].x - 0.5;

        points[i].f = 0.5 + y;
        points[i].h = y * y / 2 + y / 2 + 0.125;
    }
    for (int n = 1; n <= TERMS_MAX && bound >= REST; n++) {
        double c = coefficient(n, rho, &bound), w = 2 * PI * n;

        for (int i = 0; i < count; i++) {
            double y = points[i].x - 0.5;

            points[i].f += 2 * c * sin(w * y) / w;
            points[i].h -= 2 * c * (cos(w * y) - (n % 2 == 0 ? 1 : -1)) / (w * w);
        }
    }
}

static double within(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/*
 * again = P(x' <= p | x <= p). Given x, the next draw is at most p with chance
 * (p - rho x) / (1 - rho), cut to [0, 1]; it is 1 below `sure`. By parts over x <= p.
 */
static struct netsim_chance correlated(double asked, double p, double rho)
{
    double sure = (p - (1 - rho)) / rho, both;
    struct point points[2] = {{p, 0, 0}, {sure > 0 ? sure : 0, 0, 0}};
    struct netsim_chance chance = {.asked = asked};

    evaluate(points, 2, rho);
    chance.mean = within(points[0].f);
    both = p * points[0].f + rho / (1 - rho) * (points[0].h - points[1].h);
    chance.again = chance.mean < 1e-6 ? 0 : within(both / points[0].f);
    return chance;
}

struct netsim_chance netsim_chance(uint32_t probability, uint32_t rho)
{
    double asked = probability / (DRAWS - 1), p = (probability + 1.0) / DRAWS;

    if (probability == 0)
        return (struct netsim_chance){0, 0, 0};
    if (rho == UINT32_MAX)
        return (struct netsim_chance){asked, p, 1};
    if (rho == 0 || probability == UINT32_MAX)
        return (struct netsim_chance){asked, p, p};
    return correlated(asked, p, (rho + 1.0) / DRAWS);
}
