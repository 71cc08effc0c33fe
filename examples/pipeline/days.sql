SELECT
    days.city,
    cities.country,
    CAST(cities.latitude AS DOUBLE) AS latitude,
    CAST(days.day AS DATE) AS day,
    CAST(extract(MONTH FROM CAST(days.day AS DATE)) AS INTEGER) AS month,
    CAST(days.daylight_minutes AS DOUBLE) / 60 AS hours,
    CAST(days.noon_elevation AS DOUBLE) AS noon_elevation,
    -- NULLIF: a column that DataFusion proves to be never null would not fit a table that DuckDB published.
    NULLIF(
        CASE days.daylight_minutes WHEN 0 THEN 'polar night' WHEN 1440 THEN 'midnight sun' ELSE 'day and night' END, ''
    ) AS light
FROM {daylight} AS days
INNER JOIN {cities} AS cities ON days.city = cities.city
