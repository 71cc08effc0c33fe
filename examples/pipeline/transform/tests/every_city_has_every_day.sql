-- A city with a day that is missing or there twice fails.
select city, count(*) as rows_there, count(distinct day) as days_there
from {{ ref('days') }}
group by city
having count(*) <> 366 or count(distinct day) <> 366
